"""Several requests as one exchange: all or none, and nothing left behind."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from inference.engine.request import End, Event, Failure, GenerationRequest, Piece
from inference.errors import InvalidRequest, NotServing, QueueFull, RequestRefused
from inference.server.metrics import ChatMetrics
from inference.server.replies import Replies, usage
from inference.server.serving import ChatModel


class FakeEngine:
    """Holds `room` requests and lets the test say what happens to them."""

    def __init__(self, room: int) -> None:
        self._room = room
        self.listeners: dict[str, Callable[[Event], None]] = {}
        self.cancelled: list[str] = []

    def submit(self, request: GenerationRequest, listener: Callable[[Event], None]) -> None:
        if len(self.listeners) >= self._room:
            raise QueueFull(num_waiting=self._room, retry_after_s=1)
        self.listeners[request.request_id] = listener

    def cancel(self, request_id: str) -> None:
        self.cancelled.append(request_id)


def replies_of(engine: FakeEngine, *names: str) -> Replies:
    model = ChatModel(
        checkpoint=cast(Any, None),
        card=cast(Any, None),
        engine=cast(Any, engine),
        grammars=cast(Any, None),
        max_context=100,
        max_open=3,
    )
    requests = [GenerationRequest(request_id=name, prompt_ids=(1, 2), max_tokens=5) for name in names]
    return Replies(requests, model, ChatMetrics(CollectorRegistry()))


def end_of(name: str, *, cached: int = 0) -> End:
    return End(request_id=name, finish_reason="stop", prompt_tokens=2, cached_tokens=cached, reply_tokens=3)


async def test_events_come_with_the_index_of_their_request() -> None:
    engine = FakeEngine(room=2)
    replies = replies_of(engine, "a", "b")
    replies.start()
    engine.listeners["b"](Piece(request_id="b", text="x", token_ids=(7,)))
    engine.listeners["b"](end_of("b"))
    engine.listeners["a"](end_of("a"))
    assert [(i, type(event)) async for i, event in replies.events()] == [(1, Piece), (1, End), (0, End)]


async def test_if_one_finds_no_room_none_is_run() -> None:
    engine = FakeEngine(room=1)
    with pytest.raises(QueueFull):
        replies_of(engine, "a", "b").start()
    assert engine.cancelled == ["a"]


async def test_more_than_are_ever_held_are_refused_at_once() -> None:
    """A full queue is for those who may come back."""
    with pytest.raises(InvalidRequest):
        replies_of(FakeEngine(room=9), *"abcd")


@pytest.mark.parametrize(("code", "kind"), [("generation_failed", InvalidRequest), ("deadline_exceeded", NotServing)])
async def test_one_failure_ends_them_all(code: str, kind: type[RequestRefused]) -> None:
    """Trying again helps against some of them; the status says against which."""
    engine = FakeEngine(room=2)
    replies = replies_of(engine, "a", "b")
    replies.start()
    engine.listeners["b"](Failure(request_id="b", code=code, message="why"))
    with pytest.raises(kind) as refusal:
        await asyncio.wait_for(anext(replies.events()), 1)
    replies.close()
    assert refusal.value.code == code and "a" in engine.cancelled


def test_a_prompt_is_charged_once_however_many_replies_it_gets() -> None:
    ends = [end_of("a", cached=1), end_of("b", cached=2), end_of("c", cached=1), end_of("d", cached=2)]
    assert usage(ends, num_choices=2) == {
        "prompt_tokens": 4,
        "completion_tokens": 12,
        "total_tokens": 16,
        "prompt_tokens_details": {"cached_tokens": 2},
    }
