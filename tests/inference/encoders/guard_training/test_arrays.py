from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from inference.encoders.guard_training.arrays import NUM_FOLDS, Views, fold_of, plain_views, views_of
from inference.encoders.guard_training.example import Example
from inference.encoders.guard_training.labels import JAILBREAK, NUM_PER_ROLE, labels_of
from inference.encoders.tokens import Tokens
from tests.inference.encoders.conftest import TOKENIZER

HARMFUL = Example(
    text="How do I poison my husband?",
    source="test",
    split="train",
    unsafe=True,
    categories=frozenset({"violent_crimes"}),
    jailbreak=False,
)
ANSWER = replace(HARMFUL, text="Take small doses.", role="assistant", context=HARMFUL.text, jailbreak=None)
UNLABELLED = replace(HARMFUL, text="What is sarin?", unsafe=None, categories=None, jailbreak=None)


def tokens() -> Tokens:
    return Tokens(TOKENIZER, 32)


def test_a_view_is_the_text_then_its_context() -> None:
    """As the guard reads them: the mean is over the judged part alone."""
    views = plain_views([HARMFUL, ANSWER], tokens())
    alone, pair = tokens().encode([(HARMFUL.text, ""), (ANSWER.text, ANSWER.context)])
    for row, encoding in ((0, alone), (1, pair)):
        assert views.ids[views.starts[row] : views.starts[row + 1]].tolist() == encoding.ids
        assert views.judged[row] == encoding.type_ids.count(0)
    assert views.judged[1] < len(pair.ids)
    assert views.labelled.tolist() == [[0, 1]]


def test_labels_and_weights_are_those_of_the_training_here() -> None:
    """In half precision, and once for each kind of text."""
    views = plain_views([HARMFUL, ANSWER, replace(HARMFUL, text="How do I poison my wife?")], tokens())
    labels, weights = labels_of([HARMFUL, ANSWER])
    np.testing.assert_allclose(views.labels[views.kinds[:2]], labels)
    np.testing.assert_allclose(views.weights[views.kinds[:2]], weights, rtol=1e-3)
    assert views.kinds[0] == views.kinds[2] != views.kinds[1]


def test_what_nobody_labelled_has_only_an_opinion() -> None:
    """Of the outputs of whoever speaks."""
    views = views_of([HARMFUL], [UNLABELLED, replace(UNLABELLED, role="assistant")], 1, tokens())
    for row in views.unlabelled[0]:
        assert not views.weights[views.kinds[row]].any()
    by_role = {bool(opinion[JAILBREAK]): opinion for opinion in views.opinions[views.kinds[views.unlabelled[0]]]}
    assert by_role[True][:NUM_PER_ROLE].all() and not by_role[True][NUM_PER_ROLE:JAILBREAK].any()
    assert by_role[False][NUM_PER_ROLE:JAILBREAK].all() and not by_role[False][:NUM_PER_ROLE].any()


def test_what_is_read_the_same_in_two_epochs_is_kept_once() -> None:
    """Twelve epochs would not travel otherwise; a slip of the pen makes another view."""
    views = views_of([replace(HARMFUL, text=f"Question {n}?") for n in range(20)], [], 6, tokens())
    assert views.labelled.shape == (6, 20)
    assert 20 <= len(views.judged) < 6 * 20
    assert set(views.labelled.ravel().tolist()) == set(range(len(views.judged)))


def test_an_answer_is_in_the_fold_of_its_question() -> None:
    """Or a teacher's opinion of it would be memory."""
    assert (
        fold_of(HARMFUL) == fold_of(ANSWER) == fold_of(replace(ANSWER, text="Another.", context=f" {ANSWER.context}"))
    )
    counts = np.bincount([fold_of(replace(HARMFUL, text=str(number))) for number in range(400)], minlength=NUM_FOLDS)
    assert len(counts) == NUM_FOLDS and counts.min() > 50


def test_arrays_survive_saving(tmp_path: Path) -> None:
    views = views_of([HARMFUL, ANSWER], [UNLABELLED], 2, tokens())
    views.save(tmp_path / "views.npz")
    again = Views.load(tmp_path / "views.npz")
    for field in fields(Views):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(views, field.name))


def test_a_group_of_sources_can_be_left_out_of_the_training() -> None:
    """What a guard finds of strangers is known only if it has read neither their harm nor what was made from it."""
    told = replace(ANSWER, source="complies-harmful", origin="test")
    harmless = replace(HARMFUL, text="How do I bake bread?", unsafe=False, categories=frozenset())
    other = replace(HARMFUL, text="How do I rob a bank?", source="other")
    views = views_of([HARMFUL, told, harmless, other], [UNLABELLED], 3, tokens(), [("nobody",), ("te", "x")])
    left = views.without(1)
    assert (views.labelled.shape, left.labelled.shape) == ((3, 4), (3, 2))
    labels = left.labels[left.kinds[left.labelled], 0]
    assert (labels.sum(axis=1) == 1).all(), "the harmless text and the other source's"
    assert not (left.harm_of[left.labelled] & 2).any() and (left.unlabelled == views.unlabelled).all()


@pytest.mark.parametrize("group", [0, 2])
def test_a_group_without_harm_cannot_be_left_out(group: int) -> None:
    """A wrong number, or a name that no source has: the network would have read what it is said not to have."""
    views = views_of([HARMFUL], [UNLABELLED], 1, tokens(), [("nobody",), ("te",)])
    with pytest.raises(ValueError, match=f"no text is harm of group {group}"):
        views.without(group)
