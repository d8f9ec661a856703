"""Check an answer against what its prompt quoted, with the embeddings that there are."""

import asyncio
from collections.abc import Sequence
from typing import Final

import numpy as np

from assistant.citations.lines import lines_of
from assistant.citations.matching import Quoted, Vectors, claims_of
from assistant.citations.sentences import Sentence, sentences_of
from assistant.citations.support import Checked, align
from assistant.citations.words import MAX_READ
from assistant.ports import Embedder

MAX_CLAIMS: Final = 60
MAX_CHARS: Final = 100_000
MAX_SENTENCES: Final = 300
"""Of passages: with more of them nothing is checked, for a sentence that was not looked at may be the one."""
TEXTS_AT_ONCE: Final = 32


async def check_answer(
    blocks: Sequence[str], passages: Sequence[Quoted], others: Sequence[Quoted], *, embedder: Embedder
) -> Checked | None:
    """Which sentences of the answer `blocks` (HTML) its passages support. None if there is too much to check.

    `others` is what else the answer may have been made of. Of a very long answer the first sentences are checked.
    Raises RetrievalUnavailable if the embedding service cannot be had. Lets others go on between any two sentences, so
    that whoever waits can stop waiting.
    """
    claims = claims_of([lines_of(block) for block in blocks])[:MAX_CLAIMS]
    sentences = _sentences(passages, others)
    if sentences is None:
        return None
    texts = list(
        dict.fromkeys(
            [*(claim.sentence.text for claim in claims), *(each.text for of_one in sentences for each in of_one)]
        )
    )
    if not claims or not any(sentences[: len(passages)]):
        return Checked(sentences=())
    vectors = dict(zip(texts, await _embed(texts, embedder), strict=True))
    found = []
    for support in align(claims, passages, sentences, vectors):
        found.append(support)
        await asyncio.sleep(0)
    return Checked(sentences=tuple(support for support in found if support is not None))


def _sentences(passages: Sequence[Quoted], others: Sequence[Quoted]) -> list[list[Sentence]] | None:
    """Those of each; None if they are too many."""
    texts = [each.text for each in (*passages, *others)]
    if sum(map(len, texts)) > MAX_CHARS:
        return None
    sentences: list[list[Sentence]] = []
    left = MAX_SENTENCES
    for text in texts:
        sentences.append(sentences_of(text, at_most=left + 1))
        left -= len(sentences[-1])
        if left < 0:
            return None
    return sentences


async def _embed(texts: Sequence[str], embedder: Embedder) -> Vectors:
    """Vectors [N, D] of the N texts, as much of each as counts."""
    vectors: list[Sequence[float]] = []
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        vectors += await embedder.embed([text[:MAX_READ] for text in texts[start : start + TEXTS_AT_ONCE]])
    return np.asarray(vectors, dtype=np.float32)
