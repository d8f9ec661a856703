from dataclasses import replace

from assistant.safety.policy import Policy, Thresholds
from assistant.safety.replay import Judged, replay
from assistant.safety.taxonomy import UNKNOWN


def policy(block: float) -> Policy:
    rules = {UNKNOWN: Thresholds(block=block)}
    return Policy(version="1", thresholds={"input": rules, "output": rules})


MIDDLING = Judged(direction="input", categories={"hate": 0.5, "privacy": 0.1}, action="block")
HARMLESS = Judged(direction="output", categories={"hate": 0.1}, action="allow")


def test_what_stays_the_same_is_counted_once_and_listed_nowhere() -> None:
    found = replay(policy(0.5), [MIDDLING, HARMLESS], before=policy(0.5))
    assert (found.num_verdicts, found.num_changed, found.by_category.total()) == (2, 0, 0)


def test_a_milder_policy_lets_pass_what_the_old_one_blocked() -> None:
    """Filed under the category that had led to the block."""
    found = replay(policy(0.8), [MIDDLING, MIDDLING, HARMLESS], before=policy(0.5))
    assert found.changes == {("input", "block", "allow"): 2}
    assert found.by_category == {("hate", "input", "block", "allow"): 2}


def test_a_stricter_policy_blocks_more_on_the_side_where_it_does() -> None:
    found = replay(policy(0.05), [HARMLESS], before=policy(0.5))
    assert found.changes == {("output", "allow", "block"): 1}


def test_reviews_say_whether_the_change_is_a_good_one() -> None:
    """Of what moderators judged: breaches caught and missed, false alarms raised and spared."""
    reviewed = [replace(MIDDLING, reviewed="agreed"), replace(MIDDLING, reviewed="disagreed")]
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
