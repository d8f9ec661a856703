"""How well the sentences of passages support the sentences of an answer.

Two signs together: how near the meanings are (the cosine of embeddings), and how many of the answer's words stand in
the passage. Neither sees what matters most, so two rules stand above both: a number that the passage lacks, or a "not"
that one of the two lacks, and the sentence is not supported.

    passage    "The fee is 30 euros. It is due in May."
    answer     "The fee is 30 euros."       1.00   [0, 20)
               "The fee is 50 euros."       0.10   another number
               "The fee is not 30 euros."   0.10   denies it
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final

import numpy as np
import numpy.typing as npt

from assistant.citations.sentences import Sentence
from assistant.citations.words import NOTHING, Said, alike, by_beginning, said_in

Vectors = npt.NDArray[np.float32]

SUPPORTED_FROM: Final = 0.5
OF_COSINE: Final = 0.3
NEAR_ENOUGH: Final = 0.66
"""Where half a score is: the lowest at which 95 of 100 sentences that are called supported are (`python -m
benchmarks.citations FOLDER`, on its first half)."""
CONTRADICTED: Final = 0.1
MIN_CLAIM_SIZE: Final = 2
MAX_CLAIM_CHARS: Final = 1_000
MIN_OF_EACH: Final = 2
"""So many words a claim must have of each of two sentences that support it together, and of that one alone."""
_PAIR_COSTS: Final = 0.05
_SAYS_ALL: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A passage that the prompt quoted, under its title; or anything else the answer may have been made of."""

    title: str = ""
    text: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer that says something."""

    block: int
    sentence: Sentence
    said: Said


@dataclass(frozen=True, slots=True)
class _Piece:
    """One sentence of a passage, or two that follow each other: `parts`. `source` counts passages from 0.

    known_words, known_numbers   what it says, and the title of its passage
    sides                        of each of two parts the words that the other lacks
    """

    source: int
    spans: tuple[tuple[int, int], ...]
    parts: tuple[Said, ...]
    said: Said
    vector: Vectors
    known_words: frozenset[str]
    known_numbers: frozenset[str]
    sides: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A claim beside one piece.

    words_share      how much of what the claim says, word by word and number by number, stands in the piece or in its
                     title: passages do not repeat what they are about
    is_contradicted  a number or a denial is another one
    takes_of_all     the claim has words of each of two sentences that the other lacks
    """

    source: int
    spans: tuple[tuple[int, int], ...]
    cosine: float
    words_share: float
    is_contradicted: bool
    takes_of_all: bool

    @property
    def nearness(self) -> float:
        """Whatever numbers and denials say. 1 is the same sentence."""
        return OF_COSINE * self.cosine + (1 - OF_COSINE) * self.words_share

    @property
    def score(self) -> float:
        """From 0 to 1: half at NEAR_ENOUGH."""
        if self.nearness < NEAR_ENOUGH:
            score = SUPPORTED_FROM * max(self.nearness, 0.0) / NEAR_ENOUGH
        else:
            score = 1 - (1 - SUPPORTED_FROM) * (1 - self.nearness) / (1 - NEAR_ENOUGH)
        return min(score, CONTRADICTED) if self.is_contradicted else min(score, 1.0)


def best_of(matches: Sequence[Match]) -> Match:
    """The nearest piece: two sentences only if the claim takes of both, and where they are clearly nearer than one.

    It decides alone: what says nearly the same with another number is no reason to look further.
    """
    return max(
        (match for match in matches if match.takes_of_all),
        # Rounded: of equal sentences it is the first one.
        key=lambda match: (round(match.nearness - _PAIR_COSTS * (len(match.spans) > 1), 5), not match.is_contradicted),
    )


def claims_of(blocks: Sequence[Sequence[Sentence]]) -> list[Claim]:
    """The sentences, block by block, that say something: no questions, and nothing as short as "Yes.", or so long that
    it is none."""
    claims = [
        Claim(number, sentence, said_in(sentence.text))
        for number, sentences in enumerate(blocks)
        for sentence in sentences
        if len(sentence.text) <= MAX_CLAIM_CHARS and not sentence.text.rstrip("\"'”’»)").endswith(("?", "？", "؟"))
    ]
    return [claim for claim in claims if claim.said.size >= MIN_CLAIM_SIZE]


def matches_of(
    claims: Sequence[Claim],
    passages: Sequence[Quoted],
    sentences: Sequence[Sequence[Sentence]],
    vectors: Mapping[str, Vectors],
) -> Iterator[tuple[Claim, list[Match]]]:
    """Each claim beside every sentence, and every two that follow each other. The arguments are those
    of `assistant.citations.support.align`."""
    titles = [said_in(passage.title) for passage in passages]
    pieces = list(_pieces(sentences, titles, vectors))
    if not pieces:
        return
    known = by_beginning({word for piece in pieces for word in piece.known_words})
    matrix = np.stack([piece.vector for piece in pieces])
    for claim in claims:
        forms = alike(claim.said.words, known)
        cosines = (matrix @ vectors[claim.sentence.text]).tolist()
        yield claim, [_match(claim.said, *pair, forms) for pair in zip(pieces, cosines, strict=True)]


def _pieces(
    sentences: Sequence[Sequence[Sentence]], titles: Sequence[Said], vectors: Mapping[str, Vectors]
) -> Iterator[_Piece]:
    for source, of_source in enumerate(sentences):
        title = titles[source] if source < len(titles) else NOTHING
        before: _Piece | None = None
        for sentence in of_source:
            span = ((sentence.start, sentence.end),)
            piece = _piece(source, span, (said_in(sentence.text),), vectors[sentence.text], title)
            yield piece
            if before is not None:
                both = before.vector + piece.vector
                length = max(float(np.linalg.norm(both)), 1e-6)
                yield _piece(source, before.spans + span, before.parts + piece.parts, both / length, title)
            before = piece


def _piece(
    source: int, spans: tuple[tuple[int, int], ...], parts: tuple[Said, ...], vector: Vectors, title: Said
) -> _Piece:
    said = reduce(or_, parts)
    sides = tuple(part.words - other.words for part, other in zip(parts, reversed(parts), strict=True))
    return _Piece(
        source,
        spans,
        parts,
        said,
        vector,
        known_words=said.words | title.words,
        known_numbers=(said | title).readings,
        sides=sides if len(parts) > 1 else (),
    )


def _match(claim: Said, piece: _Piece, cosine: float, forms: Mapping[str, frozenset[str]]) -> Match:
    num_words = _num_of(claim, piece.known_words, forms)
    num_numbers = sum(1 for number in claim.numbers if not number.isdisjoint(piece.known_numbers))
    share = (num_words + num_numbers) / claim.size
    lacks_number = num_numbers < len(claim.numbers)
    denies_more = claim.num_denials > piece.said.num_denials
    # What a longer passage denies may be something that the claim leaves out.
    denies_less = any(
        claim.num_denials < part.num_denials and _num_of(claim, part.words, forms) >= _SAYS_ALL * len(part.words)
        for part in piece.parts
    )
    # Two sentences are no place to find a number in that the one with the claim's words lacks.
    takes_of_all = all(_num_of(claim, words, forms) >= MIN_OF_EACH for words in piece.sides)
    is_contradicted = lacks_number or denies_more or denies_less
    return Match(piece.source, piece.spans, cosine, share, is_contradicted, takes_of_all)


def _num_of(claim: Said, words: frozenset[str], forms: Mapping[str, frozenset[str]]) -> int:
    return sum(1 for word in claim.words if not forms[word].isdisjoint(words))
