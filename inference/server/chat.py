"""POST /v1/chat/completions: replies to a conversation, whole or as server-sent events."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from inference.engine.request import GenerationRequest
from inference.sampling.grammars import CompiledGrammar
from inference.server.bodies import read_json
from inference.server.chat_answer import ChatAnswer
from inference.server.chat_request import ChatRequest, parse_chat_request
from inference.server.frames import Json, framed
from inference.server.generations import Wish, chat_prompt, generations
from inference.server.replies import CLIENT_CLOSED_REQUEST, EventStream, Replies
from inference.server.serving import ChatModel, Serving


async def chat_completions(request: Request) -> Response:
    """Raises RequestRefused for everything that is wrong before the first token."""
    serving: Serving = request.app.state.serving
    wanted = parse_chat_request(await read_json(request))
    model = serving.chat_model(wanted.model)
    grammar = await model.grammars.compile(wanted.form)
    answer = ChatAnswer(wanted, model)
    # Tokenising a long prompt takes a while; the event loop has other streams to serve.
    asked = await asyncio.to_thread(_generations, wanted, grammar, model, request, answer.id)
    replies = Replies(asked, model, request.app.state.chat_metrics)
    replies.start()
    if wanted.is_stream:
        return EventStream(replies, framed(answer.chunks(replies.events())))
    whole = await replies.whole(request)
    return Response(status_code=CLIENT_CLOSED_REQUEST) if whole is None else Json(answer.body(whole))


def _generations(
    wanted: ChatRequest, grammar: CompiledGrammar | None, model: ChatModel, request: Request, answer_id: str
) -> Sequence[GenerationRequest]:
    prompt = chat_prompt(wanted.messages, model, tools=wanted.tools.offered, continues_final=wanted.continues_final)
    wish = Wish(
        num_choices=wanted.num_choices,
        max_tokens=wanted.max_tokens,
        stop=wanted.stop,
        sampling=wanted.sampling,
        grammar=grammar,
        caller=wanted.caller,
    )
    return generations([prompt], wish, model, request, answer_id=answer_id)
