"""POST /v1/responses: OpenAI's newer route, for text. Nothing is stored, so there is nothing to fetch or delete."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.engine.request import End, GenerationRequest, Piece
from inference.errors import RequestRefused
from inference.sampling.grammars import CompiledGrammar
from inference.server.bodies import read_json
from inference.server.frames import Json, server_sent
from inference.server.generations import Wish, chat_prompt, generations
from inference.server.replies import CLIENT_CLOSED_REQUEST, EventStream, Replies
from inference.server.response_json import IN_PROGRESS, ResponseJson
from inference.server.response_request import ResponseRequest, parse_response_request
from inference.server.serving import ChatModel, Serving


async def responses(request: Request) -> Response:
    """Raises RequestRefused for everything that is wrong before the first token."""
    serving: Serving = request.app.state.serving
    wanted = parse_response_request(await read_json(request))
    model = serving.chat_model(wanted.model)
    grammar = await model.grammars.compile(wanted.form)
    response_id = f"resp_{uuid.uuid4().hex}"
    asked = await asyncio.to_thread(_generations, wanted, grammar, model, request, response_id)
    replies = Replies(asked, model, request.app.state.chat_metrics)
    answer = ResponseJson(wanted, response_id=response_id, model_id=model.card.id)
    replies.start()
    if wanted.is_stream:
        return EventStream(replies, _framed(answer, replies.events()))
    whole = await replies.whole(request)
    if whole is None:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    return Json(answer.response(whole[0].text, whole[0].end))


def _generations(
    wanted: ResponseRequest, grammar: CompiledGrammar | None, model: ChatModel, request: Request, response_id: str
) -> Sequence[GenerationRequest]:
    wish = Wish(
        num_choices=1,
        max_tokens=wanted.max_tokens,
        stop=(),
        sampling=wanted.sampling,
        grammar=grammar,
        caller=wanted.caller,
    )
    return generations([chat_prompt(wanted.messages, model)], wish, model, request, answer_id=response_id)


async def _framed(answer: ResponseJson, events: AsyncIterator[tuple[int, Piece | End]]) -> AsyncIterator[str]:
    """The events of OpenAI's stream, numbered, each named in its line and in its JSON."""
    number = 0
    async for kind, content in _events(answer, events):
        yield server_sent({"type": kind, "sequence_number": number, **content}, event=kind)
        number += 1


async def _events(
    answer: ResponseJson, events: AsyncIterator[tuple[int, Piece | End]]
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    yield "response.created", {"response": answer.response("", None)}
    yield "response.in_progress", {"response": answer.response("", None)}
    yield "response.output_item.added", {"output_index": 0, "item": answer.message("", IN_PROGRESS, parts=[])}
    yield "response.content_part.added", {**answer.place, "part": answer.part("")}
    text = ""
    try:
        async for _, event in events:
            if isinstance(event, Piece):
                text += event.text
                yield "response.output_text.delta", {**answer.place, "delta": event.text, "logprobs": []}
                continue
            yield "response.output_text.done", {**answer.place, "text": text, "logprobs": []}
            yield "response.content_part.done", {**answer.place, "part": answer.part(text)}
            response = answer.response(text, event)
            yield "response.output_item.done", {"output_index": 0, "item": response["output"][0]}
            yield f"response.{response['status']}", {"response": response}
    except RequestRefused as refusal:
        yield "response.failed", {"response": answer.failed(text, refusal)}
