"""Urgent requests first; within a priority people take turns, by what they cost."""

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from inference.scheduler.fairness import ROUND_TOKENS, FairQueue


@dataclass(frozen=True)
class Asked:
    user: str
    number: int = 0
    priority: int = 0


def drain(queue: FairQueue[Asked], *, cost: dict[str, int]) -> str:
    """Who is served in which order, when each request of a user costs so many tokens."""
    order = ""
    while len(queue):
        request = queue.pop()
        queue.charge(request.user, cost[request.user])
        order += request.user
    return order


def filled(**numbers: int) -> FairQueue[Asked]:
    queue: FairQueue[Asked] = FairQueue()
    for user, number in numbers.items():
        for count in range(number):
            queue.add(Asked(user, count))
    return queue


def test_users_take_turns() -> None:
    """Whoever sends many requests waits for themselves."""
    assert drain(filled(a=4, b=2, c=1), cost=dict.fromkeys("abc", ROUND_TOKENS)) == "abcabaa"


def test_who_costs_more_comes_less_often() -> None:
    """Turns are counted in tokens, not in requests."""
    order = drain(filled(a=3, b=9), cost={"a": 3 * ROUND_TOKENS, "b": ROUND_TOKENS})
    for length in range(2, len(order) - 1):
        served = {"a": order[:length].count("a") * 3, "b": order[:length].count("b")}
        if order[length:].count("a") and order[length:].count("b"):
            assert abs(served["a"] - served["b"]) <= 4


def test_what_a_running_reply_costs_is_counted_too() -> None:
    """Otherwise short questions with endless answers would be free."""
    queue = filled(a=1, b=1)
    assert queue.pop().user == "a"
    queue.add(Asked("a", 1))
    queue.charge("a", 10 * ROUND_TOKENS)
    queue.add(Asked("b", 1))
    assert [queue.pop().user for _ in range(3)] == ["b", "b", "a"]


def test_requests_of_one_user_keep_their_order() -> None:
    queue = filled(a=5)
    assert [queue.pop().number for _ in range(5)] == [0, 1, 2, 3, 4]


def test_urgent_requests_go_before_all_others() -> None:
    queue = filled(a=2)
    queue.charge("c", 10**6)
    queue.add(Asked("c", 7, priority=-1))
    assert queue.pop() == Asked("c", 7, -1)


def test_what_had_been_started_comes_back_to_the_front() -> None:
    """A preempted request has been waiting for longer than those behind it."""
    queue = filled(a=2, b=2)
    first = queue.pop()
    queue.add(first, at_front=True)
    assert queue.pop() == first


def test_a_newcomer_does_not_wait_for_old_debts_of_others() -> None:
    queue = filled(a=3)
    queue.charge("a", 100 * ROUND_TOKENS)
    queue.add(Asked("b"))
    assert queue.pop().user == "b"
    assert queue.pop().user == "a", "and nobody starves: with no other there, a round comes at once"


def test_accounts_of_idle_users_are_closed() -> None:
    """Nobody saves up turns by staying away, and nothing grows for ever."""
    queue = filled(a=1, b=1)
    queue.pop()
    queue.forget_idle(lambda user: False)
    assert set(queue._accounts) == {"b"}


def test_requests_can_be_taken_out_wherever_they_stand() -> None:
    queue = filled(a=3, b=1)
    assert [asked.number for asked in queue.remove(lambda asked: asked.user == "a" and asked.number != 1)] == [0, 2]
    assert len(queue) == 2
    queue.remove(lambda asked: True)
    assert len(queue) == 0
    assert queue.peek() is None


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(interval / 1000)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("hasty_threads")
def test_another_thread_may_ask_how_many_wait() -> None:
    """Metrics do, while the engine adds and takes out."""
    queue: FairQueue[Asked] = FairQueue()
    is_over = threading.Event()

    def come_and_go() -> None:
        while not is_over.is_set():
            for number in range(200):
                queue.add(Asked(f"user {number}"))
            queue.remove(lambda _: True)

    engine = threading.Thread(target=come_and_go)
    engine.start()
    try:
        assert all(0 <= len(queue) <= 200 for _ in range(20_000))
    finally:
        is_over.set()
        engine.join()
