"""A tokenizer as a GGUF file has it: spelled tokens with their kinds, and the merges in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from gguf.constants import TokenType

from inference.text.byte_map import spell_bytes
from inference.text.tokenizer import Tokenizer
from inference.text.vocabulary import GGUF_PATTERNS


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufVocabulary:
    """`pre` names the way text is cut before merging."""

    pre: str
    tokens: list[str]
    kinds: list[int]
    merges: list[str]


def gguf_vocabulary(tokenizer: Tokenizer, *, num_rows: int) -> GgufVocabulary:
    """With a token for each of the embedding's `num_rows`. Raises ValueError if GGUF has no name for the pattern."""
    pre = next((name for name, pattern in GGUF_PATTERNS.items() if pattern == tokenizer.pattern), "")
    if not pre:
        raise ValueError("GGUF has no name for the way this tokenizer cuts text")
    ranks = tokenizer.ranks()
    tokens = [f"[PAD{token_id}]" for token_id in range(num_rows)]
    kinds = [int(TokenType.UNUSED)] * num_rows
    for token, token_id in ranks.items():
        tokens[token_id], kinds[token_id] = spell_bytes(token), int(TokenType.NORMAL)
    for name, token_id in tokenizer.special.items():
        tokens[token_id], kinds[token_id] = name, int(TokenType.CONTROL)
    return GgufVocabulary(pre=pre, tokens=tokens, kinds=kinds, merges=merges_of(ranks))


def merges_of(ranks: Mapping[bytes, int]) -> list[str]:
    """ "left right" for every token of several bytes, in order of ids.

    Other programs merge by such a list and not by ids. The last merge of a token joins the two pieces that are left
    when it is put together from its bytes by tokens of lower ids alone.
    """
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) > 1 and (halves := _last_two(token, rank, ranks)):
            merges.append(" ".join(map(spell_bytes, halves)))
    return merges


def _last_two(token: bytes, rank: int, ranks: Mapping[bytes, int]) -> tuple[bytes, bytes] | None:
    """None for a token that merging never reaches; it is found only as a whole piece of text."""
    pieces = [token[i : i + 1] for i in range(len(token))]
    while len(pieces) > 2:
        pairs = [(ranks.get(left + right, rank), i) for i, (left, right) in enumerate(pairwise(pieces))]
        lowest, at = min(pairs)
        if lowest >= rank:
            return None
        pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
    return (pieces[0], pieces[1]) if all(piece in ranks for piece in pieces) else None
