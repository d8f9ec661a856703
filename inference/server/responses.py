"""POST /v1/responses: OpenAI's newer route, for text. Nothing is stored, so there is nothing to fetch or delete."""

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.engine.request import End, Piece
from inference.errors import RequestRefused
from inference.server.bodies import read_json
from inference.server.exchange import answered, model_for
from inference.server.frames import server_sent
from inference.server.generations import chat_prompt
from inference.server.replies import WholeReply
from inference.server.response_json import IN_PROGRESS, ResponseJson
from inference.server.response_request import ResponseRequest, parse_response_request


async def responses(request: Request) -> Response:
    """Raises RequestRefused for everything that is wrong before the first token."""
    wanted = parse_response_request(await read_json(request))
    model = model_for(request, wanted.model)
    answer = _Answer(wanted, model_id=model.card.id)
    return await answered(request, wanted, model, answer, lambda: [chat_prompt(wanted.messages, model)])


class _Answer:
    """The response, whole or in the events of OpenAI's stream."""

    def __init__(self, wanted: ResponseRequest, *, model_id: str) -> None:
        self.id = f"resp_{uuid.uuid4().hex}"
        self._json = ResponseJson(wanted, response_id=self.id, model_id=model_id)

    def body(self, replies: Sequence[WholeReply]) -> dict[str, Any]:
        (reply,) = replies
        return self._json.response(reply.text, reply.end)

    async def frames(self, events: AsyncIterator[tuple[int, Piece | End]]) -> AsyncIterator[str]:
        """Numbered, each named in its line and in its JSON."""
        number = 0
        async for kind, content in _events(self._json, events):
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
