"""Requests on their way through the engine, heard on the event loop; shared by the routes that generate.

One exchange may ask for several replies. The engine calls back on its own thread; a queue brings the events of all of
them to the event loop. Whatever ends the exchange (the last reply's end, a client that went away, a server that goes
down) ends in `Replies.close`, which cancels in the engine what is still there.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from inference.engine.request import End, Event, Failure, GenerationRequest, Piece, PositionLogprobs
from inference.engine.thread import EngineThread
from inference.errors import InvalidRequest, NotServing, RequestRefused
from inference.server.bodies import when_disconnected
from inference.server.metrics import ChatMetrics, ReplyTimer
from inference.server.serving import ChatModel

CLIENT_CLOSED_REQUEST = 499
CANCELLED, GENERATION_FAILED = "cancelled", "generation_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeReply:
    """A reply that is complete."""

    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[PositionLogprobs, ...]
    end: End
    prompt_logprobs: tuple[PositionLogprobs, ...] | None = None


class Replies:
    """The requests of one exchange. `close` it, whatever happens.

    Raises InvalidRequest if they are more than the engine ever holds: waiting would not help.
    """

    def __init__(self, generations: Sequence[GenerationRequest], model: ChatModel, metrics: ChatMetrics) -> None:
        if len(generations) > model.max_open:
            message = f"This asks for {len(generations)} replies, but at most {model.max_open} can be held at a time."
            raise InvalidRequest(message, code="too_many_replies", param="n")
        self.generations = generations
        self._engine: EngineThread = model.engine
        self._running = [_RunningReply(generation, metrics.timer()) for generation in generations]
        self._queue: asyncio.Queue[tuple[int, Event]] = asyncio.Queue()

    def start(self) -> None:
        """Hand all requests to the engine, or none. Raises RequestRefused."""
        loop = asyncio.get_running_loop()
        try:
            for index, generation in enumerate(self.generations):
                self._submit(loop, index, generation)
        except Exception:
            self.close()
            raise

    def _submit(self, loop: asyncio.AbstractEventLoop, index: int, generation: GenerationRequest) -> None:
        def hear(event: Event) -> None:
            loop.call_soon_threadsafe(self._queue.put_nowait, (index, event))

        self._engine.submit(generation, hear)
        self._running[index].is_submitted = True

    def close(self) -> None:
        """Free everything the requests hold and write their lines in the log. Only the first call does anything."""
        for reply in self._running:
            if reply.is_submitted:
                self._engine.cancel(reply.generation.request_id)
                reply.close()

    async def events(self) -> AsyncIterator[tuple[int, Piece | End]]:
        """The engine's events until the last end, each with the index of its request.

        Raises RequestRefused if the engine gives one of them up.
        """
        num_open = len(self._running)
        while num_open:
            index, event = await self._queue.get()
            self._running[index].note(event)
            if isinstance(event, Failure):
                raise _refusal(event)
            num_open -= isinstance(event, End)
            yield index, event

    async def whole(self, request: Request) -> tuple[WholeReply, ...] | None:
        """The complete replies, closed; None if the client went away meanwhile, which cancels them."""
        collecting = asyncio.create_task(self._collect())
        leaving = asyncio.create_task(when_disconnected(request))
        try:
            await asyncio.wait({collecting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return await collecting if collecting.done() else None
        finally:
            collecting.cancel()
            leaving.cancel()
            self.close()

    async def _collect(self) -> tuple[WholeReply, ...]:
        pieces: list[list[Piece]] = [[] for _ in self._running]
        async for index, event in self.events():
            if isinstance(event, Piece):
                pieces[index].append(event)
        return tuple(
            _whole(of_one, reply.end) for of_one, reply in zip(pieces, self._running, strict=True) if reply.end
        )


class _RunningReply:
    """One request of an exchange: how far it is, for the metrics and the log."""

    def __init__(self, generation: GenerationRequest, timer: ReplyTimer) -> None:
        self.generation = generation
        self.end: End | None = None
        self.is_submitted = False
        self._timer = timer
        self._outcome = CANCELLED
        self._is_closed = False

    def note(self, event: Event) -> None:
        match event:
            case Failure():
                self._outcome = event.code
            case End():
                self.end, self._outcome = event, event.finish_reason
                self.close()
            case Piece() if event.text:
                self._timer.piece(num_tokens=len(event.token_ids))

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._timer.end(self._outcome, prompt_tokens=len(self.generation.prompt_ids), end=self.end)


def _refusal(failure: Failure) -> RequestRefused:
    """Some replies cannot be written, however often they are asked for; with everything else, later may be better."""
    if failure.code == GENERATION_FAILED:
        return InvalidRequest(f"The reply cannot go on: {failure.message}.", code=failure.code)
    return NotServing(failure.message, code=failure.code)


def _whole(pieces: Sequence[Piece], end: End) -> WholeReply:
    return WholeReply(
        text="".join(piece.text for piece in pieces),
        token_ids=tuple(token_id for piece in pieces for token_id in piece.token_ids),
        logprobs=tuple(at for piece in pieces for at in piece.logprobs),
        end=end,
        prompt_logprobs=pieces[0].prompt_logprobs if pieces else None,
    )


class EventStream(StreamingResponse):
    """Replies as server-sent events. Closes them even if the client went away before the first event."""

    def __init__(self, replies: Replies, frames: AsyncIterator[str]) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(frames, media_type="text/event-stream", headers=headers)
        self._replies = replies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._replies.close()


def usage(ends: Sequence[End], *, num_choices: int = 1) -> dict[str, Any]:
    """OpenAI's usage object. Of the `num_choices` replies to each prompt, only the first one's prompt is counted."""
    prompts = ends[::num_choices]
    prompt_tokens, reply_tokens = sum(end.prompt_tokens for end in prompts), sum(end.reply_tokens for end in ends)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": reply_tokens,
        "total_tokens": prompt_tokens + reply_tokens,
        "prompt_tokens_details": {"cached_tokens": sum(end.cached_tokens for end in prompts)},
    }
