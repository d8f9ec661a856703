"""From a parsed request to its answer: what all routes that generate have in common."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from inference.engine.request import End, Piece
from inference.sampling.params import SamplingParams
from inference.server.chat_request import Caller
from inference.server.frames import Json
from inference.server.generations import Wish, generations
from inference.server.replies import CLIENT_CLOSED_REQUEST, EventStream, Replies, WholeReply
from inference.server.sampling_fields import ReplyForm
from inference.server.serving import ChatModel, Serving
from inference.text.chat import ChatPrompt


class Wanted(Protocol):
    """What a client asks for, on whichever route."""

    @property
    def is_stream(self) -> bool: ...
    @property
    def num_choices(self) -> int: ...
    @property
    def max_tokens(self) -> int | None: ...
    @property
    def stop(self) -> tuple[str, ...]: ...
    @property
    def sampling(self) -> SamplingParams: ...
    @property
    def form(self) -> ReplyForm | None: ...
    @property
    def caller(self) -> Caller: ...


class Answer(Protocol):
    """Tells a client about its replies, in the words of one route."""

    @property
    def id(self) -> str: ...

    def frames(self, events: AsyncIterator[tuple[int, Piece | End]]) -> AsyncIterator[str]:
        """The replies as the events of a stream."""
        ...

    def body(self, replies: Sequence[WholeReply]) -> dict[str, Any]:
        """The replies in one object."""
        ...


def model_for(request: Request, name: str) -> ChatModel:
    """The chat model, called `name` by the client. Raises as `Serving.chat_model`."""
    serving: Serving = request.app.state.serving
    return serving.chat_model(name)


async def answered(
    request: Request, wanted: Wanted, model: ChatModel, answer: Answer, prompts: Callable[[], Sequence[ChatPrompt]]
) -> Response:
    """Generate, and answer whole or as a stream. Raises RequestRefused for everything wrong before the first token."""
    wish = Wish(
        num_choices=wanted.num_choices,
        max_tokens=wanted.max_tokens,
        stop=wanted.stop,
        sampling=wanted.sampling,
        grammar=await model.grammars.compile(wanted.form),
        caller=wanted.caller,
    )
    # Tokenising a long prompt takes a while; the event loop has other streams to serve.
    asked = await asyncio.to_thread(lambda: generations(prompts(), wish, model, request, answer_id=answer.id))
    replies = Replies(asked, model, request.app.state.chat_metrics)
    replies.start()
    if wanted.is_stream:
        return EventStream(replies, answer.frames(replies.events()))
    whole = await replies.whole(request)
    return Response(status_code=CLIENT_CLOSED_REQUEST) if whole is None else Json(answer.body(whole))
