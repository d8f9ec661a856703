"""Who gets which arm: the same for ever, as often as planned, and nobody's fate decided elsewhere."""

import time

import pytest

from assistant.experiments.bucketing import SPAN, Arm, Slice, choose, position

ARMS = (Arm(key="control", weight=1), Arm(key="warm", weight=1), Arm(key="off", weight=0), Arm(key="brief", weight=2))


def test_positions_never_change() -> None:
    """Another number here would put everybody into another arm on the day of an update."""
    assert position("layer", "3f2a") == 0xC96C1530B373F492
    assert position("layer", "3f2a") != position("other", "3f2a")
    assert 0 <= position("layer", "") < SPAN


def test_arms_come_as_often_as_planned() -> None:
    """20,000 people, within four standard errors; an arm of weight 0 gets nobody."""
    found = [choose("experiment", str(number), ARMS) for number in range(20_000)]
    assert {key: found.count(key) for key in ("control", "warm", "brief")} == pytest.approx(
        {"control": 5000, "warm": 5000, "brief": 10_000}, abs=290
    )
    assert "off" not in found


def test_two_experiments_are_independent() -> None:
    """Whoever is in the first arm of one is in either arm of the other."""
    arms = (Arm(key="a", weight=1), Arm(key="b", weight=1))
    both = [(choose("one", str(number), arms), choose("two", str(number), arms)) for number in range(8000)]
    assert both.count(("a", "a")) == pytest.approx(2000, abs=160)


def test_more_traffic_moves_nobody() -> None:
    """A slice that grows at its end keeps those who were in it."""
    small, large = Slice(start=0, end=SPAN // 10), Slice(start=0, end=SPAN // 2)
    people = [position("layer", str(number)) for number in range(1000)]
    assert all(large.holds(person) for person in people if small.holds(person))
    assert small.share == pytest.approx(0.1)


def test_plans_that_cannot_be() -> None:
    """No arm, negative weights, an empty slice."""
    with pytest.raises(ValueError, match="weights"):
        choose("experiment", "somebody", (Arm(key="a", weight=0),))
    with pytest.raises(ValueError, match="weights"):
        choose("experiment", "somebody", (Arm(key="a", weight=2), Arm(key="b", weight=-1)))
    with pytest.raises(ValueError, match="non-empty"):
        Slice(start=5, end=5)


def test_assignment_costs_next_to_nothing() -> None:
    """The goal is 0.2 ms; the hash takes microseconds."""
    began = time.process_time()
    for number in range(2000):
        choose("experiment", str(number), ARMS)
    assert (time.process_time() - began) / 2000 < 0.2e-3
