"""A request on its way through the engine, heard on the event loop; shared by the routes that generate.

The engine calls back on its own thread; a queue brings its events to the event loop. Whatever ends the exchange (the
reply's end, a client that went away, a server that goes down) ends in `RunningReply.close`, which cancels the request
in the engine if it is still there.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from inference.engine.request import End, Event, Failure, GenerationRequest, Piece, PositionLogprobs
from inference.engine.thread import EngineThread
from inference.errors import NotServing, RequestRefused
from inference.server.bodies import when_disconnected
from inference.server.metrics import ReplyTimer

CLIENT_CLOSED_REQUEST = 499


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeReply:
    """A reply that is complete."""

    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[PositionLogprobs, ...]
    end: End


class RunningReply:
    """One request in the engine. `close` it, whatever happens."""

    def __init__(self, generation: GenerationRequest, engine: EngineThread, timer: ReplyTimer) -> None:
        self.generation = generation
        self._engine = engine
        self._timer = timer
        self._queue: asyncio.Queue[Event] = asyncio.Queue()
        self._end: End | None = None
        self._outcome = "cancelled"
        self._is_closed = False

    def start(self) -> None:
        """Hand the request to the engine. Raises RequestRefused."""
        loop = asyncio.get_running_loop()

        def hear(event: Event) -> None:
            loop.call_soon_threadsafe(self._queue.put_nowait, event)

        self._engine.submit(self.generation, hear)

    def close(self) -> None:
        """Free everything the request holds and write its line in the log. Only the first call does anything."""
        if not self._is_closed:
            self._is_closed = True
            self._engine.cancel(self.generation.request_id)
            self._timer.end(self._outcome, prompt_tokens=len(self.generation.prompt_ids), end=self._end)

    async def events(self) -> AsyncIterator[Piece | End]:
        """The engine's events until the end. Raises RequestRefused if the engine gives the request up."""
        while self._end is None:
            event = await self._queue.get()
            if isinstance(event, Failure):
                self._outcome = event.code
                raise NotServing(event.message, code=event.code)
            if isinstance(event, End):
                self._end, self._outcome = event, event.finish_reason
            else:
                self._timer.piece(num_tokens=len(event.token_ids))
            yield event

    async def whole(self, request: Request) -> WholeReply | None:
        """The complete reply, closed; None if the client went away meanwhile, which cancels it."""
        collecting = asyncio.create_task(self._collect())
        leaving = asyncio.create_task(when_disconnected(request))
        try:
            await asyncio.wait({collecting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return await collecting if collecting.done() else None
        finally:
            collecting.cancel()
            leaving.cancel()
            self.close()

    async def _collect(self) -> WholeReply:
        pieces = [event async for event in self.events() if isinstance(event, Piece)]
        assert self._end is not None
        return WholeReply(
            text="".join(piece.text for piece in pieces),
            token_ids=tuple(token_id for piece in pieces for token_id in piece.token_ids),
            logprobs=tuple(at for piece in pieces for at in piece.logprobs),
            end=self._end,
        )


class EventStream(StreamingResponse):
    """A reply as server-sent events. Closes it even if the client went away before the first of them."""

    def __init__(self, reply: RunningReply, chunks: AsyncIterator[dict[str, Any]]) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(_framed(chunks), media_type="text/event-stream", headers=headers)
        self._reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._reply.close()


async def _framed(chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[str]:
    """Each chunk as an event, then [DONE]; a refusal on the way is the last event instead."""
    try:
        async for chunk in chunks:
            yield _server_sent(chunk)
        yield "data: [DONE]\n\n"
    except RequestRefused as refusal:
        yield _server_sent(error_body(refusal))


def usage(end: End) -> dict[str, Any]:
    """OpenAI's usage object."""
    return {
        "prompt_tokens": end.prompt_tokens,
        "completion_tokens": end.reply_tokens,
        "total_tokens": end.prompt_tokens + end.reply_tokens,
        "prompt_tokens_details": {"cached_tokens": end.cached_tokens},
    }


def error_body(refusal: RequestRefused) -> dict[str, Any]:
    """OpenAI's error object."""
    return {"error": {"message": refusal.message, "type": refusal.kind, "param": refusal.param, "code": refusal.code}}


def _server_sent(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False, separators=(',', ':'))}\n\n"
