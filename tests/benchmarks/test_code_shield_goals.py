from typing import Any

import pytest

from benchmarks.code_shield.__main__ import missed

GOOD: dict[str, Any] = {
    "found": {"all": {"blocks": 100, "findings": 0.6}},
    "alarms": {"all": {"blocks": 100, "flagged": 2}},
    "time": {"all": {"p95_processor_ms": 150.0, "p95_ms": 900.0}},
}


def test_goals_that_are_met():
    """Also where detection could not be measured, and on a busy machine."""
    assert missed(GOOD) == []
    assert missed({name: value for name, value in GOOD.items() if name != "found"}) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"found": {"all": {"blocks": 100, "findings": 0.5}}}, "found"),
        ({"found": {"all": {"blocks": 100}}}, "found"),
        ({"alarms": {"all": {"blocks": 100, "flagged": 4}}}, "false alarms"),
        ({"time": {"all": {"p95_processor_ms": 500.0}}}, "p95_ms"),
    ],
)
def test_a_goal_that_is_missed_is_told(change: dict[str, Any], told: str):
    (line,) = missed({**GOOD, **change})
    assert line.startswith(told)
