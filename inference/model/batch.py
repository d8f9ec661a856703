"""What one forward pass computes: tokens of many sequences, one after the other, without padding.

    ids        [ prompt of A: 64 tokens | next of B | next of C, and its two drafts ]       T = 68
    segments     A rows 0-63, position 128   B row 64 ...   C rows 65-67 ...

Whichever sequence and phase a token belongs to, everything but attention treats it as a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from inference.kvcache.storage import KvShape, KvStorage
from inference.weights.shape import ModelShape


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Consecutive tokens of one sequence: rows [row, row + num_tokens) at positions from `position` on.

    Block number i of `block_ids` holds positions [i * BLOCK_TOKENS, (i + 1) * BLOCK_TOKENS) of the sequence. All
    positions before `position` are computed; there are blocks up to the last position of the segment.
    """

    row: int
    num_tokens: int
    position: int
    block_ids: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """T token ids, the segments that cover them in order, and the R rows whose logits are wanted."""

    ids: Sequence[int]
    segments: Sequence[Segment]
    logit_rows: Sequence[int]


class DecoderModel(Protocol):
    """A Llama in memory, whatever computes it."""

    shape: ModelShape
    max_context: int
    kv_shape: KvShape

    def forward(self, batch: Batch, kv: KvStorage) -> Tensor:
        """Compute all tokens, write their keys and values, return logits [R, vocab] float32 on the CPU."""
        ...


@runtime_checkable
class Preparable(Protocol):
    """A model that has something to make ready before the first request would have to wait for it."""

    def prepare(self, kv: KvStorage) -> None:
        """Make ready for steps that use this storage."""
        ...
