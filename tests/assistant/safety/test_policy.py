from dataclasses import replace

import pytest

from assistant.safety.policy import DEFAULT_POLICY, Decision, Policy, Thresholds
from assistant.safety.taxonomy import CATEGORIES, UNKNOWN

POLICY = Policy(
    version="test",
    thresholds={
        "input": {"hate": Thresholds(0.3, 0.6), "privacy": Thresholds(None, 0.9), UNKNOWN: Thresholds(None, 0.5)},
        "output": {UNKNOWN: Thresholds(0.1, 0.2)},
    },
    when_unavailable={"input": "block", "output": "block"},
)


@pytest.mark.parametrize(
    ("score", "action"),
    [(0.0, "allow"), (0.29, "allow"), (0.3, "warn"), (0.59, "warn"), (0.6, "block"), (1.0, "block")],
)
def test_an_action_begins_at_its_threshold(score: float, action: str):
    """The border itself belongs to the stricter side."""
    assert POLICY.decide({"hate": score}, "input").action == action


def test_the_strictest_action_wins_and_names_who_asked_for_it():
    """A person is told about the block, not about the warning beside it; the strongest category comes first."""
    scores = {"hate": 0.4, "privacy": 0.95, "elections": 0.97}
    assert POLICY.decide(scores, "input") == Decision("block", ("elections", "privacy"))


def test_directions_have_thresholds_of_their_own():
    """What a person may ask and what the model may say are different questions."""
    assert POLICY.decide({"privacy": 0.3}, "input").action == "allow"
    assert POLICY.decide({"privacy": 0.3}, "output").action == "block"


def test_a_category_without_a_score_counts_as_certain():
    """Llama Guard names categories without scoring them."""
    assert POLICY.decide({"privacy": None}, "input") == Decision("block", ("privacy",))


def test_a_category_nobody_thought_of_is_blocked_like_an_unknown_one():
    """A newer guard may name kinds of harm that this policy does not know yet."""
    assert POLICY.decide({"brand_new": 0.5}, "input").action == "block"


def test_no_scores_are_allowed():
    """A guard that named nothing found nothing; a guard that did not answer never gets here."""
    assert DEFAULT_POLICY.decide({}, "input") == Decision("allow", ())


@pytest.mark.parametrize("direction", ["input", "output"])
def test_by_default_advice_informs_and_everything_else_blocks(direction):
    """Health, law and money are ordinary questions; answers say to see a professional."""
    for category in [*CATEGORIES, UNKNOWN]:
        expected = "warn" if category == "specialized_advice" else "block"
        assert DEFAULT_POLICY.decide({category: 1.0}, direction).action == expected


def test_by_default_a_guard_that_cannot_answer_stops_the_turn():
    """Fail closed; an operator may choose otherwise, knowingly."""
    assert set(DEFAULT_POLICY.when_unavailable.values()) == {"block"}


def test_a_policy_cannot_be_changed_in_place():
    """The version stored with a verdict must say what the rules were."""
    with pytest.raises(TypeError):
        DEFAULT_POLICY.thresholds["input"]["hate"] = Thresholds(None, None)  # type: ignore[index]  # that is the point
    assert replace(DEFAULT_POLICY, version="2").version == "2"


def test_a_warning_after_the_block_is_a_mistake():
    """Such a warning could never be seen."""
    with pytest.raises(ValueError, match="warns at"):
        Thresholds(warn_at=0.8, block_at=0.5)
