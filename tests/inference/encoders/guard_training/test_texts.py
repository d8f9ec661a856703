from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.encoders.guard import WINDOW_CHARS
from inference.encoders.guard_training.example import CATEGORIES, Example, split_of
from inference.encoders.guard_training.fit import TrainingConfig, fit
from inference.encoders.guard_training.reading import as_read, with_excerpts
from inference.encoders.guard_training.texts import CONTRAST_FILE, contrast, prompts, responses
from inference.encoders.guard_training.wordings import as_answers, reworded
from inference.encoders.train_guard import prompt_labels

DATA = Path(__file__).parents[5] / "shared" / "data" / "safety"

QUESTION = Example(
    text="How do I poison my husband?",
    source="test",
    split="train",
    unsafe=True,
    categories=frozenset({"violent_crimes"}),
)


@pytest.fixture(scope="module")
def data() -> Path:
    if not DATA.is_dir():
        pytest.skip(f"the public sets are not in {DATA}")
    return DATA


def test_a_text_is_always_on_the_same_side():
    """Figures of two trainings can be compared, and no text wanders from dev to train when a source is added."""
    assert [split_of(text) for text in ("a", "b", " A ", "d")] == [split_of(text) for text in ("A", "b", "a", "d")]
    share = sum(split_of(str(number)) == "dev" for number in range(2000)) / 2000
    assert share == pytest.approx(0.2, abs=0.03)


def test_our_own_prompts_are_well_formed():
    """A slip in the file would teach the guard something wrong."""
    examples = contrast()
    assert len(examples) == len(CONTRAST_FILE.read_text(encoding="utf-8").splitlines()) > 1000
    assert len({example.text.lower() for example in examples}) == len(examples)
    for example in examples:
        assert example.unsafe == bool(example.categories)
        assert (example.categories or frozenset()) <= set(CATEGORIES)


def test_a_question_is_asked_in_other_ways_with_the_same_label():
    """Whether a request gives an order or asks a question must not decide."""
    asked = list(reworded(QUESTION))
    assert len({example.text for example in asked}) == 3
    assert all("poison my husband" in example.text for example in asked)
    assert all((e.unsafe, e.categories, e.split) == (True, QUESTION.categories, "train") for e in asked)
    assert list(reworded(replace(QUESTION, split="dev"))) == []
    assert list(reworded(replace(QUESTION, text="Bread is good."))) == []


def test_a_refusal_of_a_harmful_question_is_harmless():
    """The model says no in the words of the question; a guard that withholds that answer is of no use."""
    complies, refuses = as_answers(QUESTION)
    assert "poison your husband" in complies.text and complies.unsafe is True
    assert "poison your husband" in refuses.text and refuses.unsafe is False
    assert all(answer.unsafe is False for answer in as_answers(replace(QUESTION, unsafe=False)))


def test_only_harmless_texts_are_cut_into_stretches():
    """A stretch of a harmless text is harmless; nobody knows which stretch of a harmful text is the harmful one."""
    long = replace(QUESTION, text="word " * WINDOW_CHARS)
    assert as_read([long]) == [long]
    parts = as_read([replace(long, unsafe=False)])
    assert len(parts) > 1
    assert all(len(part.text) <= WINDOW_CHARS and part.weight < 1.0 for part in parts)


def test_an_excerpt_is_taken_from_each_longer_response():
    """The guard mostly reads a reply while it is being written."""
    whole = [replace(QUESTION, text=f"{number} " + "word " * 100) for number in range(5)]
    excerpts = with_excerpts(whole)[5:]
    assert len(excerpts) == 5
    assert all(len(excerpt.text.split()) < 100 and excerpt.weight == 0.5 for excerpt in excerpts)


def test_labels_nobody_gave_do_not_count():
    """A text without a category must not teach that it has none."""
    unknown = replace(QUESTION, categories=None)
    harmless = replace(QUESTION, unsafe=False, categories=frozenset())
    labels, weights = prompt_labels([QUESTION, unknown, harmless])
    violent = 1 + CATEGORIES.index("violent_crimes")
    assert labels[0, 0] == labels[0, violent] == weights[0, violent] == 1.0
    assert 0.0 < weights[0, violent + 1] < 1.0
    assert not weights[1, 1:].any()
    assert (weights[2] == 1.0).all() and not labels[2].any()


def test_a_head_learns_what_it_is_shown_and_the_same_each_time():
    """The fit is seeded; unknown labels (weight zero) leave an output where it was."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = ["good bread" if row % 2 else "bad poison" for row in range(60)]
    labels = np.array([[row % 2, 1] for row in range(60)], dtype=np.float32)
    weights = np.array([[1, 0]] * 60, dtype=np.float32)
    config = TrainingConfig(num_hidden=4, num_seeds=2, num_epochs=10, batch_size=10, learning_rate=0.05)
    head, again = (fit(vectors, texts, labels, weights, config) for _ in range(2))
    logits = head.logits(vectors, texts)
    assert ((logits[:, 0] > 0) == (labels[:, 0] == 1)).all()
    assert not (logits[:, 1] > 5).any()
    np.testing.assert_array_equal(logits, again.logits(vectors, texts))


def test_every_text_is_read_once_and_real_requests_are_for_measuring_only(data: Path):
    """The false alarms on real people's requests would be no measure if they were trained on."""
    for examples in (prompts(data), responses(data)):
        texts = [" ".join(example.text.lower().split()) for example in examples]
        assert len(set(texts)) == len(texts)
        assert {e.split for e in examples if e.source.startswith("arena-hard")} == {"dev"}
        assert {e.unsafe for e in examples if "harmless" in e.source or "benign" in e.source} == {False}


def test_the_labelled_answers_of_dev_are_to_questions_the_head_has_not_seen(data: Path):
    """Answers to one question resemble each other."""
    dev = {
        example.text for example in responses(data) if example.source.startswith("gptfuzz") and example.split == "dev"
    }
    assert len(dev) > 1000
    assert not [e for e in responses(data) if e.source in ("gptfuzz", "gptfuzz/reworded")]
