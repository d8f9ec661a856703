"""Which sentences of an answer are about which passage, and what of it supports them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from assistant.citations.matching import (
    NEAR_ENOUGH,
    SUPPORTED_FROM,
    Claim,
    Match,
    Quoted,
    Vectors,
    best_of,
    matches_of,
)
from assistant.citations.sentences import Sentence

ABOUT_FROM: Final = 0.40
"""From here on two sentences are about the same thing, as a question and the passages that are quoted for it are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What stands at [start, end) of the text of block `block` is about passage `passage`, which counts from 1.

    The passage supports it if `score` is at least SUPPORTED_FROM; then `spans` are the places in it that do.
    """

    block: int
    start: int
    end: int
    passage: int
    spans: tuple[tuple[int, int], ...]
    score: float

    @property
    def is_supported(self) -> bool:
        return self.score >= SUPPORTED_FROM


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The sentences of an answer that are about one of its passages."""

    sentences: tuple[Support, ...]

    @property
    def num_supported(self) -> int:
        return sum(sentence.is_supported for sentence in self.sentences)


def align(
    claims: Sequence[Claim],
    passages: Sequence[Quoted],
    sentences: Sequence[Sequence[Sentence]],
    vectors: Mapping[str, Vectors],
) -> Iterator[Support | None]:
    """Which passage each claim is about, and what of it supports it; None where it is about none.

    `sentences` are those of each of `passages` and then of whatever else the answer may have been made of (the
    results of tools): a claim that is found there, and better, is about none of the passages. `vectors` has the
    unit vector of each text [D].
    """
    for claim, matches in matches_of(claims, passages, sentences, vectors):
        yield _support(claim, matches, len(passages))


def _support(claim: Claim, matches: Sequence[Match], num_passages: int) -> Support | None:
    """What the claim is about; None if that is no passage."""
    best = best_of(matches)
    source = best.source
    if best.nearness < NEAR_ENOUGH:
        nearest = max(matches, key=lambda match: match.cosine)
        if nearest.cosine < ABOUT_FROM:
            return None
        source = nearest.source
    if source >= num_passages:
        return None
    score = round(best.score, 3)
    return Support(
        block=claim.block,
        start=claim.sentence.start,
        end=claim.sentence.end,
        passage=source + 1,
        spans=best.spans if score >= SUPPORTED_FROM else (),
        score=score,
    )
