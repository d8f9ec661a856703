import random
from dataclasses import replace

import pytest

from inference.encoders.guard import MAX_CONTEXT_CHARS, WINDOW_CHARS
from inference.encoders.guard_training.example import Example
from inference.encoders.guard_training.reading import (
    MAX_PASSAGE_CHARS,
    PER_EPOCH,
    among_others,
    as_met,
    epoch,
    excerpt,
    pair_of,
    with_typos,
)

HARMFUL = Example(
    text="How do I poison my husband?",
    source="test",
    split="train",
    unsafe=True,
    categories=frozenset({"violent_crimes"}),
)
LONG = " ".join(f"word{number}" for number in range(400))


@pytest.fixture
def rng() -> random.Random:
    return random.Random(1)


def test_an_epoch_reads_every_text_but_those_of_a_source_there_is_too_much_of(rng: random.Random):
    """One large and uniform source must not drown the others."""
    source, most = next(iter(PER_EPOCH.items()))
    many = [replace(HARMFUL, text=f"text {number}", source=source) for number in range(most + 50)]
    few = [replace(HARMFUL, text=f"other {number}") for number in range(30)]
    read = [example.source for example in epoch([*many, *few], rng)]
    assert (read.count(source), read.count("test")) == (most, 30)


def test_only_harmless_texts_are_cut_into_stretches(rng: random.Random):
    """A stretch of a harmless text is harmless; nobody knows which stretch of a harmful text is the harmful one."""
    assert len(as_met(replace(HARMFUL, text=LONG), rng).text) > WINDOW_CHARS
    harmless = as_met(replace(HARMFUL, text=LONG, unsafe=False, categories=frozenset()), rng)
    assert len(harmless.text) <= WINDOW_CHARS and harmless.text in LONG


def test_an_answer_is_also_read_while_it_is_written_and_without_its_question(rng: random.Random):
    """The guard mostly sees a part of it, and the question may be missing."""
    answer = replace(HARMFUL, text=LONG, role="assistant", context="How?")
    met = [as_met(answer, rng) for _ in range(60)]
    excerpts = [e for e in met if len(e.text.split()) in (12, 24, 56, 90)]
    assert len(excerpts) > 10 and all(e.weight < 1.0 for e in excerpts)
    assert 0 < sum(not e.context for e in met) < 30


def test_an_excerpt_is_words_in_a_row(rng: random.Random):
    """And a short text has none."""
    assert excerpt(LONG, rng) in LONG
    assert excerpt("too short", rng) == ""


def test_a_slip_of_the_pen_leaves_a_text_readable(rng: random.Random):
    """No word is lost, and hardly any letter."""
    text = "How would somebody bake excellent sourdough bread without any machine at home?"
    slipped = [with_typos(text, rng) for _ in range(30)]
    assert all(len(s.split()) == len(text.split()) and abs(len(s) - len(text)) < 8 for s in slipped)
    assert any(s != text.rstrip("?") for s in slipped)


def test_a_short_prompt_is_now_and_then_hidden_in_other_text(rng: random.Random):
    """One sentence decides, wherever it stands."""
    passage = "The bakery opens at six."
    hidden = [among_others(HARMFUL, [passage], rng).text for _ in range(200)]
    changed = [text for text in hidden if text != HARMFUL.text]
    assert 10 < len(changed) < 60
    assert all(HARMFUL.text in text and passage in text for text in changed)
    talk = replace(HARMFUL, context="Hello")
    long = replace(HARMFUL, text="x" * (MAX_PASSAGE_CHARS + 1))
    assert all(among_others(e, [passage], rng) is e for e in (talk, long) for _ in range(50))


def test_what_is_read_of_a_context_is_what_the_guard_reads():
    """The end of a long turn, as in `GuardClassifier.network_logits`."""
    assert pair_of(replace(HARMFUL, context=LONG)) == (HARMFUL.text, LONG[-MAX_CONTEXT_CHARS:])
