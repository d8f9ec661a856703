from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.safety.policy import (
    DEFAULT_POLICY,
    DEFAULT_RULES,
    DIRECTIONS,
    SMALL_MODEL,
    SMALL_MODEL_POLICY,
    STRICTNESS,
    Decision,
    Policy,
    PolicyError,
    Thresholds,
    UnknownLanguage,
    built_in_policy,
    built_in_rules,
    policy_from,
)
from assistant.safety.taxonomy import CATEGORIES, UNKNOWN

POLICY = Policy(
    version="test",
    thresholds={
        "input": {
            "hate": Thresholds(log=0.1, inform=0.2, warn=0.3, block=0.6),
            "privacy": Thresholds(block=0.9),
            UNKNOWN: Thresholds(block=0.5),
        },
        "output": {UNKNOWN: Thresholds(warn=0.1, block=0.2)},
    },
    closed=frozenset({"child_exploitation"}),
)
SCORES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("score", "action"),
    [
        *[(0.0, "allow"), (0.09, "allow"), (0.1, "log"), (0.2, "inform"), (0.29, "inform"), (0.3, "warn")],
        *[(0.59, "warn"), (0.6, "block"), (1.0, "block")],
    ],
)
def test_an_action_begins_at_its_threshold(score: float, action: str) -> None:
    """The border itself belongs to the stricter side."""
    assert POLICY.decide({"hate": score}, "input").action == action


@given(st.lists(SCORES, min_size=4, max_size=4), SCORES, SCORES)
def test_a_higher_score_is_never_treated_more_mildly(borders: list[float], first: float, second: float) -> None:
    """Whatever the thresholds are."""
    thresholds = Thresholds(**dict(zip(("log", "inform", "warn", "block"), sorted(borders), strict=True)))
    milder, stricter = (thresholds.action(score) for score in sorted((first, second)))
    assert STRICTNESS.index(milder) <= STRICTNESS.index(stricter)


def test_the_strictest_action_wins_and_names_who_asked_for_it() -> None:
    """A person is told about the block, not about the warning beside it; the strongest category comes first."""
    scores = {"hate": 0.4, "privacy": 0.95, "elections": 0.97}
    assert POLICY.decide(scores, "input") == Decision("block", ("elections", "privacy"))


def test_directions_have_thresholds_of_their_own() -> None:
    """What a person may ask and what the model may say are different questions."""
    assert POLICY.decide({"privacy": 0.3}, "input").action == "allow"
    assert POLICY.decide({"privacy": 0.3}, "output").action == "block"


def test_a_category_without_a_score_counts_as_certain() -> None:
    """Llama Guard names categories without scoring them."""
    assert POLICY.decide({"privacy": None}, "input") == Decision("block", ("privacy",))


def test_a_category_nobody_thought_of_is_blocked_like_an_unknown_one() -> None:
    """A newer guard may name kinds of harm that this policy does not know yet."""
    assert POLICY.decide({"brand_new": 0.5}, "input").action == "block"


def test_no_scores_are_allowed() -> None:
    """A guard that named nothing found nothing; a guard that did not answer never gets here."""
    assert DEFAULT_POLICY.decide({}, "input") == Decision("allow", ())


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_by_default_advice_informs_and_every_other_harm_blocks(direction: Any) -> None:
    """Health, law and money are ordinary questions; beside the answer stands who knows more."""
    for category in {*CATEGORIES, UNKNOWN} - {"prompt_injection"}:
        expected = "inform" if category == "specialized_advice" else "block"
        assert DEFAULT_POLICY.decide({category: 1.0}, direction).action == expected


@pytest.mark.parametrize("knows_language", [True, False])
def test_by_default_a_jailbreak_is_noted_and_then_withheld(knows_language: bool) -> None:
    """In every language from the same scores: a classifier that cannot read one is no reason to be stricter."""
    for score, action in ((0.45, "allow"), (0.6, "log"), (0.9, "log"), (0.95, "block")):
        found = DEFAULT_POLICY.decide({"prompt_injection": score}, "input", knows_language=knows_language)
        assert found.action == (action if knows_language or action == "block" else "inform")


def test_by_default_somebody_in_distress_is_answered() -> None:
    """With help lines beside the answer; what surely asks for harm is not."""
    assert DEFAULT_POLICY.decide({"self_harm": 0.6}, "input").action == "inform"
    assert DEFAULT_POLICY.decide({"self_harm": 0.9}, "input").action == "block"


@pytest.mark.parametrize(
    ("num_parameters", "at_half"),
    [(135_000_000, "block"), (SMALL_MODEL - 1, "block"), (SMALL_MODEL, "inform"), (8_000_000_000, "inform")],
)
def test_somebody_in_distress_is_not_left_to_a_small_model(num_parameters: int, at_half: str) -> None:
    """It rambles on after the help line, so the line stands in place of its answer. Nothing else differs."""
    policy = built_in_policy(num_parameters)
    assert policy.decide({"self_harm": 0.5}, "input").action == at_half
    assert policy.decide({"self_harm": 0.4}, "input").action == "inform"
    assert built_in_rules(num_parameters)["output"] == DEFAULT_RULES["output"]
    others = {slug: rule for slug, rule in built_in_rules(num_parameters)["input"].items() if slug != "self_harm"}
    assert others == {slug: rule for slug, rule in DEFAULT_RULES["input"].items() if slug != "self_harm"}


def test_a_model_of_unknown_size_is_no_small_one() -> None:
    """Large servers do not tell; the versions tell verdicts apart."""
    assert built_in_policy(0) is DEFAULT_POLICY
    assert DEFAULT_POLICY.version != SMALL_MODEL_POLICY.version


def test_a_language_the_guard_does_not_know_is_judged_more_strictly() -> None:
    """Lower scores are enough, and the person is told even where nothing was found."""
    assert POLICY.decide({"privacy": 0.5}, "input").action == "allow"
    assert POLICY.decide({"privacy": 0.5}, "input", knows_language=False) == Decision("block", ("privacy",))
    assert POLICY.decide({}, "input", knows_language=False) == Decision("inform", ())


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_self_harm_is_judged_alike_in_every_language(direction: Any) -> None:
    """Who is in distress is answered with help in all of them, and a kind answer is not taken away."""
    for score in (0.0, 0.25, 0.3, 0.5, 0.84, 0.85, 1.0):
        found = [
            DEFAULT_POLICY.decide({"self_harm": score}, direction, knows_language=knows) for knows in (True, False)
        ]
        assert found[0].violated == found[1].violated
        assert "block" not in {found[1].action} - {found[0].action}


def test_what_is_done_about_code_is_a_rule_too() -> None:
    """Versions from before it say nothing of it: then the settings do."""
    assert DEFAULT_POLICY.code is None
    assert policy_from({**DEFAULT_RULES, "code": "block"}, version="1").code == "block"


def test_a_policy_that_leaves_distress_to_small_models_is_known() -> None:
    assert SMALL_MODEL_POLICY.spares_small_models
    assert not DEFAULT_POLICY.spares_small_models


@pytest.mark.parametrize(("score", "is_held"), [(0.19, False), (0.2, True), (None, True)])
def test_some_categories_are_not_left_to_a_lesser_guard(score: float | None, is_held: bool) -> None:
    """Coming near one of them is enough to wait for the usual guard."""
    assert POLICY.holds_without_guard({"child_exploitation": score, "hate": 0.9}) is is_held


def test_a_policy_cannot_be_changed_in_place() -> None:
    """The version stored with a verdict must say what the rules were."""
    with pytest.raises(TypeError):
        DEFAULT_POLICY.thresholds["input"]["hate"] = Thresholds()  # type: ignore[index]  # that is the point
    assert replace(DEFAULT_POLICY, version="2").version == "2"


def test_what_is_wrong_is_said_in_the_language_of_whoever_wrote_it() -> None:
    """The place stays as it is written in the rules."""
    rules = {"input": {"*": {"warn": 0.8, "block": 0.5}}, "output": {"*": {}}}
    german = {"%(where)s at %(value)s would hide %(other)s at %(limit)s": "%(where)s %(value)s verdeckt %(other)s"}
    with pytest.raises(PolicyError) as refused:
        policy_from(rules, version="1")
    assert refused.value.said(german.__getitem__) == "input.*.block 0.5 verdeckt warn"


def test_rules_read_as_they_are_written() -> None:
    """From JSON to the thresholds, "*" standing for every category without rules of its own."""
    rules = {"input": {"*": {"block": 0.4}, "hate": {"log": 0.2, "block": 0.7}}, "output": {"*": {}}}
    policy = policy_from(rules, version="7")
    assert policy.version == "7"
    assert policy.thresholds["input"] == {UNKNOWN: Thresholds(block=0.4), "hate": Thresholds(log=0.2, block=0.7)}
    assert policy.decide({"elections": 1.0}, "output").action == "allow"
    assert policy.unknown_language == UnknownLanguage()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": None}, r'input: needs rules, with "\*"'),
        ({"output": {"hate": {"block": 0.5}}}, r'output: needs rules, with "\*"'),
        ({"output": {"*": {"block": 0.5}, "spam": {}}}, "output.spam: no such category"),
        ({"input": {"*": {"block": 1.5}}}, r"input.\*.block: 1.5 is not between 0 and 1"),
        ({"input": {"*": {"warn": 0.8, "block": 0.5}}}, r"input.\*.block at 0.5 would hide warn at 0.8"),
        ({"input": {"*": {"refuse": 0.5}}}, r"input.\*: has log, inform, warn and block"),
        ({"input": {"*": {"block": "high"}}}, r"input.\*: has log, inform, warn and block, each a number"),
        ({"input": {"*": {"block": True}}}, r"input.\*: has log, inform, warn and block, each a number"),
        ({"input": {"*": 0.5}}, r"input.\*: has log, inform, warn and block"),
        ({"closed": ["spam"]}, "closed: must be a list of categories"),
        ({"closed": "hate"}, "closed: must be a list of categories"),
        ({"closed": [["hate"]]}, "closed: must be a list of categories"),
        ({"unknown_language": {"scale": 0}}, "unknown_language.scale: 0 is not above 0 and at most 1"),
        ({"unknown_language": {"action": "shout"}}, "unknown_language.action: 'shout' is none of"),
        ({"unknown_language": {"speed": 1}}, "unknown_language: has a scale and an action"),
        ({"unknown_language": {"scale": "low"}}, "unknown_language: has a scale and an action"),
        ({"unknown_language": 3}, "unknown_language: has a scale and an action"),
        ({"inputs": {}}, "inputs: no such rule"),
        ({"code": "hide"}, "code: 'hide' is none of off, warn, block"),
        ({"code": ["warn"]}, "code: .* is none of off, warn, block"),
    ],
)
def test_rules_that_cannot_be_read_say_where_and_why(change: dict[str, Any], message: str) -> None:
    """Whoever edits them has to find the place."""
    with pytest.raises(PolicyError, match=message):
        policy_from({**DEFAULT_RULES, **change}, version="1")


@given(
    st.recursive(
        st.none() | st.booleans() | SCORES | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from([*DEFAULT_RULES, "*", "hate", "block", "scale"]), inner)
        ),
    )
)
def test_anything_else_is_an_error_of_the_rules(rules: Any) -> None:
    """Whatever JSON somebody stores, it is a policy or a PolicyError."""
    try:
        policy_from(rules, version="1")
    except PolicyError:
        return
    assert set(rules["input"]) | set(rules["output"]) <= {"*", *CATEGORIES}
