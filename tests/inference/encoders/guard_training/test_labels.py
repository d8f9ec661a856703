from dataclasses import replace

from inference.encoders.guard_training.example import CATEGORIES, Example
from inference.encoders.guard_training.labels import JAILBREAK, NUM_PER_ROLE, labels_of

HARMFUL = Example(
    text="How do I poison my husband?",
    source="test",
    split="train",
    unsafe=True,
    categories=frozenset({"violent_crimes"}),
    jailbreak=False,
)
VIOLENT = 1 + CATEGORIES.index("violent_crimes")


def test_labels_nobody_gave_do_not_count():
    """A text without a category must not teach that it has none."""
    unknown = replace(HARMFUL, categories=None, unsafe=None, jailbreak=None)
    harmless = replace(HARMFUL, unsafe=False, categories=frozenset())
    labels, weights = labels_of([HARMFUL, unknown, harmless])
    assert labels[0, 0] == labels[0, VIOLENT] == weights[0, 0] == 1.0
    assert 0.0 < weights[0, VIOLENT + 1] < weights[0, VIOLENT]
    assert not weights[1].any()
    assert not labels[2].any() and weights[2, :NUM_PER_ROLE].all()


def test_a_prompt_says_nothing_of_answers_and_an_answer_nothing_of_prompts():
    """The two have outputs of their own."""
    _, weights = labels_of([HARMFUL, replace(HARMFUL, role="assistant", jailbreak=None)])
    assert weights[0, :NUM_PER_ROLE].all() and not weights[0, NUM_PER_ROLE:JAILBREAK].any() and weights[0, JAILBREAK]
    assert (
        not weights[1, :NUM_PER_ROLE].any() and weights[1, NUM_PER_ROLE:JAILBREAK].all() and not weights[1, JAILBREAK]
    )


def test_our_own_texts_count_more():
    """They were written for the border; the others were collected."""
    _, weights = labels_of([HARMFUL, replace(HARMFUL, source="contrast/violence")])
    assert weights[1, 0] == 2 * weights[0, 0]
