"""Check an answer against what its prompt quoted, with the embeddings that there are."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from assistant.citations.lines import lines_of
from assistant.citations.matching import Quoted, claims_of
from assistant.citations.sentences import sentences_of
from assistant.citations.support import Checked, align
from assistant.ports import Embedder

MAX_CLAIMS: Final = 60
MAX_SENTENCES: Final = 300
"""Of passages: with more of them nothing is checked, for a sentence that was not looked at may be the one."""


async def check_answer(
    blocks: Sequence[str], passages: Sequence[Quoted], others: Sequence[Quoted], *, embedder: Embedder
) -> Checked | None:
    """Which sentences of the answer `blocks` (HTML) its passages support. None if there is too much to check.

    `others` is what else the answer may have been made of. Of a very long answer the first sentences are checked.
    Raises RetrievalUnavailable if the embedding service cannot be had.
    """
    claims = claims_of([lines_of(block) for block in blocks])[:MAX_CLAIMS]
    sentences = [sentences_of(each.text) for each in (*passages, *others)]
    if sum(map(len, sentences)) > MAX_SENTENCES:
        return None
    texts = list(
        dict.fromkeys(
            [*(claim.sentence.text for claim in claims), *(each.text for of_one in sentences for each in of_one)]
        )
    )
    if not claims or not any(sentences[: len(passages)]):
        return Checked(sentences=())
    vectors = np.asarray(await embedder.embed(texts), dtype=np.float32)
    return align(claims, passages, sentences, dict(zip(texts, vectors, strict=True)))
