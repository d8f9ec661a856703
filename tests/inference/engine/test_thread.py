"""The thread around the engine: refuses at the door, survives faults, ends what is open when it closes."""

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from inference.engine.engine import Engine
from inference.engine.request import End, Event, Failure, GenerationRequest, Piece, SamplingParams
from inference.engine.thread import EngineThread
from inference.errors import InvalidRequest, NotServing, QueueFull
from inference.model.llama import Llama

WAIT_S = 20


def request(name: str, *, max_tokens: int = 3) -> GenerationRequest:
    prompt = tuple(range(100, 110))
    return GenerationRequest(
        request_id=name, prompt_ids=prompt, max_tokens=max_tokens, sampling=SamplingParams(temperature=0)
    )


@pytest.fixture
def thread(smollm2_engine: Engine) -> Iterator[EngineThread]:
    thread = EngineThread(smollm2_engine, max_open=2)
    yield thread
    thread.close()


def last_event(events: "queue.Queue[Event]") -> Event:
    while isinstance(event := events.get(timeout=WAIT_S), Piece):
        pass
    return event


def test_a_request_is_answered(thread: EngineThread) -> None:
    events: queue.Queue[Event] = queue.Queue()
    thread.submit(request("a"), events.put)
    assert isinstance(last_event(events), End)
    assert thread.num_open == 0


def test_one_more_than_we_hold_is_refused_at_once(thread: EngineThread) -> None:
    """And there is room again as soon as one is cancelled."""
    events: queue.Queue[Event] = queue.Queue()
    for name in "ab":
        thread.submit(request(name, max_tokens=1500), events.put)
    with pytest.raises(QueueFull) as refusal:
        thread.submit(request("c"), events.put)
    assert refusal.value.retry_after_s > 0
    thread.cancel("a")
    thread.submit(request("c"), events.put)
    thread.cancel("b")


def test_a_bad_request_is_refused_on_the_callers_thread(thread: EngineThread) -> None:
    with pytest.raises(InvalidRequest):
        thread.submit(request("a", max_tokens=10**6), lambda event: None)
    assert thread.num_open == 0


def test_a_fault_in_a_step_ends_its_requests_and_not_the_loop(
    thread: EngineThread, smollm2_model: Llama, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing that goes wrong in one forward pass may stop the next one."""
    events: queue.Queue[Event] = queue.Queue()
    with monkeypatch.context() as patched:
        patched.setattr(smollm2_model, "forward", lambda *_: 1 / 0)
        thread.submit(request("a"), events.put)
        failure = last_event(events)
    assert isinstance(failure, Failure) and failure.code == "internal_error"
    assert "engine_step_failed" in caplog.text
    thread.submit(request("b"), events.put)
    assert isinstance(last_event(events), End)


def test_a_last_event_that_went_down_with_its_step_is_made_up_for(
    thread: EngineThread, smollm2_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply is over and its sequence gone when the step fails, so nobody else would end it."""
    events: queue.Queue[Event] = queue.Queue()
    with monkeypatch.context() as patched:
        patched.setattr(smollm2_engine, "_forget", lambda _: 1 / 0)
        thread.submit(request("a", max_tokens=1), events.put)
        failure = last_event(events)
    assert isinstance(failure, Failure) and failure.code == "internal_error"
    assert thread.num_open == 0


def test_a_command_that_fails_does_not_swallow_the_next(
    thread: EngineThread, smollm2_model: Llama, smollm2_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commands come during one step. The first fails; whoever sent the second hears of it."""
    events: queue.Queue[Event] = queue.Queue()
    computing, may_go_on, forward = threading.Event(), threading.Event(), smollm2_model.forward

    def slowly(*arguments: Any) -> Any:
        computing.set()
        assert may_go_on.wait(WAIT_S)
        return forward(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(smollm2_model, "forward", slowly)
        patched.setattr(smollm2_engine, "cancel", lambda _: 1 / 0)
        thread.submit(request("a"), lambda _: None)
        assert computing.wait(WAIT_S)
        thread.cancel("a")
        thread.submit(request("b"), events.put)
        may_go_on.set()
        failure = last_event(events)
    assert isinstance(failure, Failure) and failure.code == "internal_error"
    assert thread.num_open == 0


def test_a_listener_that_fails_does_not_stop_the_others(thread: EngineThread, caplog: pytest.LogCaptureFixture) -> None:
    events: queue.Queue[Event] = queue.Queue()
    heard = threading.Event()

    def broken(event: Event) -> None:
        heard.set()
        raise RuntimeError("event loop is closed")

    thread.submit(request("a"), broken)
    thread.submit(request("b"), events.put)
    assert isinstance(last_event(events), End) and heard.wait(WAIT_S)
    assert "listener_failed" in caplog.text


def test_closing_tells_those_still_open(smollm2_engine: Engine) -> None:
    events: queue.Queue[Event] = queue.Queue()
    thread = EngineThread(smollm2_engine, max_open=2)
    thread.submit(request("a", max_tokens=1500), events.put)
    thread.close()
    failure = last_event(events)
    assert isinstance(failure, Failure) and failure.code == "shutting_down"
    with pytest.raises(NotServing):
        thread.submit(request("b"), events.put)
