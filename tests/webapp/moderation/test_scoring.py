"""What is looked at first."""

from datetime import UTC, datetime, timedelta

import pytest

from webapp.moderation.services.scoring import DOUBLES_IN, Signal, priority_at, rank, rank_at, strongest

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HATE = Signal("guard_input", "hate", 0.8)
REPORT = Signal("report", "", 1.0)
APPEAL = Signal("appeal", "", 1.0)


def priority(*signals: Signal, num_strikes: int = 0, age: timedelta = timedelta()) -> float:
    return priority_at(rank(signals, num_strikes=num_strikes, opened_at=NOW - age), NOW)


def test_the_priority_is_the_product_it_says_it_is() -> None:
    """0.8 x 1.5 for hate, x 1.5 for two broken rules, x 2.5 for a report and an appeal, x 2 for three days."""
    found = priority(HATE, REPORT, APPEAL, num_strikes=2, age=timedelta(days=3))
    assert found == pytest.approx(0.8 * 1.5 * 1.5 * 2.5 * 2)


def test_what_can_cost_a_life_comes_before_a_more_certain_trifle() -> None:
    """Weights outdo certainty."""
    assert priority(Signal("guard_input", "self_harm", 0.6)) > priority(Signal("guard_input", "defamation", 0.99))


def test_only_the_strongest_finding_counts() -> None:
    """A guard that flags ten windows of one answer has still seen one answer."""
    assert priority(HATE, *[Signal("guard_output", "hate", 0.5)] * 10) == pytest.approx(priority(HATE))


def test_reports_and_appeals_raise_and_do_not_prove() -> None:
    """A report alone is worth less than a certain finding; four friends are worth no more than their number."""
    assert priority(REPORT) < priority(HATE) < priority(HATE, REPORT) < priority(HATE, APPEAL)
    assert priority(HATE, *[REPORT] * 4) == priority(HATE, *[REPORT] * 400)


def test_a_long_history_has_an_end() -> None:
    """Eight strikes are as much as eighty: the rest is for a suspension to settle."""
    assert priority(HATE, num_strikes=8) == priority(HATE, num_strikes=80)


def test_nothing_waits_for_ever() -> None:
    """The least finding outdoes a fresh grave one in the end."""
    least = Signal("guard_output", "specialized_advice", 0.3)
    grave = Signal("guard_input", "child_exploitation", 1.0)
    assert priority(least) < priority(grave) < priority(least, age=timedelta(days=14))


def test_the_order_never_changes_by_itself() -> None:
    """All double alike, so a stored rank needs no refreshing."""
    old = rank([HATE], num_strikes=0, opened_at=NOW - timedelta(days=2))
    new = rank([HATE, APPEAL], num_strikes=0, opened_at=NOW)
    for later in (NOW, NOW + timedelta(days=40)):
        assert (priority_at(old, later) > priority_at(new, later)) == (old > new)
    assert priority_at(old, NOW + DOUBLES_IN) == pytest.approx(2 * priority_at(old, NOW))


def test_a_rank_can_be_had_from_a_priority() -> None:
    """The queue filters by priority, the database by rank."""
    assert priority_at(rank_at(1.5, NOW), NOW) == pytest.approx(1.5)


@pytest.mark.parametrize("signals", [(), (Signal("guard_input", "hate", 0.0),)])
def test_no_evidence_is_little_and_not_an_error(signals: tuple[Signal, ...]) -> None:
    """A score of nought has no logarithm."""
    assert 0 < priority(*signals) < priority(HATE)


def test_a_very_old_case_still_has_a_number() -> None:
    """Years of neglect must not overflow."""
    assert priority(HATE, age=timedelta(days=365 * 30)) < float("inf")


def test_the_category_is_that_of_the_strongest_finding() -> None:
    """A sure trifle does not hide a grave suspicion, and a report without a category hides nothing."""
    assert strongest([Signal("guard_input", "defamation", 0.9), Signal("guard_input", "self_harm", 0.5), REPORT]) == (
        "self_harm"
    )
    assert strongest([REPORT]) == ""
