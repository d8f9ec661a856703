from dataclasses import replace

from assistant.safety.policy import Policy, Thresholds
from assistant.safety.replay import Judged, replay
from assistant.safety.taxonomy import UNKNOWN


def policy(block: float) -> Policy:
    rules = {UNKNOWN: Thresholds(block=block)}
    return Policy(version="1", thresholds={"input": rules, "output": rules})


MIDDLING = Judged(turn=1, direction="input", categories={"hate": 0.5, "privacy": 0.1}, action="block")
HARMLESS = Judged(turn=2, direction="output", categories={"hate": 0.1}, action="allow")


def test_what_stays_the_same_is_counted_once_and_listed_nowhere() -> None:
    found = replay(policy(0.5), [MIDDLING, HARMLESS], before=policy(0.5))
    assert (found.num_turns, found.num_changed, found.by_category.total()) == (2, 0, 0)


def test_a_milder_policy_lets_pass_what_the_old_one_blocked() -> None:
    """Filed under the category that had led to the block."""
    found = replay(policy(0.8), [MIDDLING, replace(MIDDLING, turn=3), HARMLESS], before=policy(0.5))
    assert found.changes == {("input", "block", "allow"): 2}
    assert found.by_category == {("hate", "input", "block", "allow"): 2}


def test_a_stricter_policy_blocks_more_on_the_side_where_it_does() -> None:
    found = replay(policy(0.05), [HARMLESS], before=policy(0.5))
    assert found.changes == {("output", "allow", "block"): 1}


def test_reviews_say_whether_the_change_is_a_good_one() -> None:
    """Of what moderators judged: breaches caught and missed, false alarms raised and spared."""
    reviewed = [replace(MIDDLING, reviewed="agreed"), replace(MIDDLING, turn=3, reviewed="disagreed")]
    milder = replay(policy(0.8), reviewed, before=policy(0.5))
    assert (milder.caught, milder.missed, milder.alarmed, milder.spared) == (0, 1, 0, 1)
    allowed = [replace(one, action="allow") for one in reviewed]
    stricter = replay(policy(0.4), allowed, before=policy(0.8))
    assert (stricter.caught, stricter.missed, stricter.alarmed, stricter.spared) == (1, 0, 1, 0)


def test_a_language_the_guard_did_not_know_is_replayed_as_one() -> None:
    found = replay(policy(0.8), [replace(MIDDLING, knows_language=False)], before=policy(0.5))
    assert found.num_changed == 0


def test_a_block_that_only_the_unknown_language_led_to_is_filed_under_its_category() -> None:
    """The old policy is asked as it was asked then: at its thresholds for such a language 0.3 was enough."""
    weak = replace(MIDDLING, categories={"hate": 0.3}, knows_language=False)
    found = replay(policy(0.9), [weak], before=policy(0.5))
    assert found.by_category == {("hate", "input", "block", "inform"): 1}


def test_an_answer_counts_once_however_many_verdicts_are_on_it() -> None:
    """Each stricter part of it has one, and the whole; what was done is the strictest of them."""
    parts = [replace(HARMLESS, categories={"hate": score}, action="inform", reviewed="agreed") for score in (0.6, 0.7)]
    found = replay(policy(0.5), [*parts, HARMLESS], before=policy(0.8))
    assert (found.num_turns, found.num_changed, found.caught) == (1, 1, 1)
    assert found.changes == {("output", "inform", "block"): 1}
    assert found.by_category == {("hate", "output", "inform", "block"): 1}


def test_a_turn_counts_once_where_both_sides_change() -> None:
    """A breach that moderators confirmed is one, and it is missed only if nothing of the turn is withheld."""
    both = [replace(MIDDLING, reviewed="agreed"), replace(MIDDLING, direction="output", categories={"hate": 0.7})]
    found = replay(policy(0.8), both, before=policy(0.5))
    assert (found.num_changed, found.missed, found.changes.total()) == (1, 1, 2)
    found = replay(policy(0.6), both, before=policy(0.5))
    assert (found.num_changed, found.missed) == (1, 0)


def test_what_another_rule_withheld_stays_withheld() -> None:
    """Instructions that were read out come back under no policy, and a part that is stricter now changes nothing."""
    leaked = replace(HARMLESS, categories={"prompt_injection": 1.0}, action="block", by_policy=False)
    part = replace(HARMLESS, categories={"hate": 0.6}, action="inform")
    for judged in ([leaked], [leaked, part]):
        found = replay(policy(0.5), judged, before=policy(0.8))
        assert (found.num_turns, found.num_changed) == (len(judged) - 1, 0)
