"""Training texts as the guard reads them: a stretch of each, now and then with slips of the pen, anew in each epoch."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from inference.encoders.guard import MAX_CONTEXT_CHARS, windows
from inference.encoders.guard_training.example import Example

EXCERPT_WORDS = (12, 24, 56, 90)
TYPO_SHARE = 0.15
PASSAGE_SHARE = 0.14
MAX_PASSAGE_CHARS = 300
PASSAGES = (
    "self-instruct",
    "gsm8k",
    "mt_bench_question",
    "vicuna_bench_question",
    "plain-mails",
    "contrast/prose",
    "code",
)
NO_CONTEXT_SHARE = 0.2

PER_EPOCH: Mapping[str, int] = {
    "gptfuzz-harmful": 700,
    "gptfuzz-refusals": 450,
    "hh-chosen": 600,
    "complies-harmful": 600,
    "complies-harmless": 400,
    "refuses-harmful": 400,
    "refuses-harmless": 300,
    "redirects-harmful": 150,
    "goes-on-harmful": 500,
    "goes-on-harmless": 350,
    "moves-on-harmful": 300,
    "moves-on-harmless": 120,
    "changes-topic-harmful": 300,
    "changes-topic-harmless": 120,
    "follows-harmless-harmful": 250,
    "follows-harmless-harmless": 120,
    "split-harmful": 250,
    "split-harmless": 250,
    "wild-jailbreaks": 250,
    "gptfuzz-templates": 100,
    "hatecheck": 500,
    "hatecheck-harmless": 300,
    "gsm8k": 60,
    "gsm8k-answers": 60,
    "self-instruct-answers": 120,
    "coding-tasks": 80,
    "code": 120,
    "catqa/reworded": 250,
    "dangerousqa/reworded": 150,
    "tweets": 150,
    "tweets-harmless": 200,
    "harmfulqa": 700,
    "hh-turns": 1000,
    "hh-rejected": 800,
    "tweets-offensive": 300,
}
"""How many texts of a large and uniform source are read in one epoch; of the others, all."""


def epoch(examples: Sequence[Example], rng: random.Random) -> Iterator[Example]:
    """The texts of one epoch in random order, each as the guard might meet it."""
    by_source: dict[str, list[Example]] = {}
    for example in examples:
        by_source.setdefault(example.source, []).append(example)
    counts = {source: min(PER_EPOCH.get(source, len(of)), len(of)) for source, of in by_source.items()}
    chosen = [example for source, of in by_source.items() for example in rng.sample(of, counts[source])]
    rng.shuffle(chosen)
    passages = [e.text[:MAX_PASSAGE_CHARS] for e in examples if e.unsafe is False and e.source in PASSAGES]
    return (among_others(as_met(example, rng), passages, rng) for example in chosen)


def among_others(example: Example, passages: Sequence[str], rng: random.Random) -> Example:
    """Now and then a short prompt in the midst of other text: one sentence decides, wherever it stands."""
    is_short = example.role == "user" and not example.context and len(example.text) <= MAX_PASSAGE_CHARS
    if not (is_short and passages and rng.random() < PASSAGE_SHARE):
        return example
    passage, gap = rng.choice(passages), rng.choice(("\n", " ", "\n\n"))
    before, after = (passage, "") if rng.random() < 0.6 else ("", passage)
    if rng.random() < 0.2:
        before = after = passage[: MAX_PASSAGE_CHARS // 2]
    text = gap.join(part for part in (before, example.text, after) if part)
    return replace(example, text=text, weight=min(example.weight, 1.0))


def as_met(example: Example, rng: random.Random) -> Example:
    """A stretch of `example`: replies are also read while they are written, from the middle and by the way."""
    if example.role == "assistant":
        context = "" if rng.random() < NO_CONTEXT_SHARE else example.context
        excerpted = excerpt(example.text, rng) if rng.random() < 0.5 else ""
        # A stretch of a harmful answer may be harmless in itself.
        weight = example.weight * (0.7 if excerpted and example.unsafe else 1.0)
        return replace(example, text=excerpted or rng.choice(windows(example.text)), context=context, weight=weight)
    if len(example.text) > 400 and (example.unsafe is False or example.jailbreak):
        return replace(example, text=rng.choice(windows(example.text)))
    return replace(example, text=with_typos(example.text, rng)) if rng.random() < TYPO_SHARE else example


def pair_of(example: Example) -> tuple[str, str]:
    """The text and what of its context is read."""
    return example.text, example.context[-MAX_CONTEXT_CHARS:]


def excerpt(text: str, rng: random.Random) -> str:
    """Some words in a row from `text`; empty if it is short itself."""
    words, length = text.split(), rng.choice(EXCERPT_WORDS)
    if len(words) <= length:
        return ""
    start = rng.randrange(len(words) - length)
    return " ".join(words[start : start + length])


def with_typos(text: str, rng: random.Random) -> str:
    """No punctuation at the end, and now and then two letters swapped, one left out or doubled."""
    return " ".join(_slip(word, rng) if rng.random() < 0.12 else word for word in text.rstrip(".?!").split(" "))


def _slip(word: str, rng: random.Random) -> str:
    if len(word) < 4 or not word.isalpha():
        return word
    at = rng.randrange(1, len(word) - 1)
    return rng.choice(
        (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
        )
    )
