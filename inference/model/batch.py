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
from inference.sampling.params import SamplingParams
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


FAILED = -1
"""Stands for a chosen id where no logit is a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A sequence that misses one token: its id, its position, blocks (room for later ones included), and sampling.

    `reply_position` is the place in the reply of the token chosen next.
    """

    token_id: int
    position: int
    block_ids: Sequence[int]
    params: SamplingParams
    reply_position: int


class StepsAhead(Protocol):
    """Decode steps of the sequences started, each of which reads on the device what the one before it chose."""

    depth: int
    """Steps that may be under way."""

    @property
    def num_under_way(self) -> int:
        """Steps launched and not collected."""
        ...

    @property
    def room(self) -> int:
        """Steps that can be launched before a sequence needs another block."""
        ...

    def start(self, runners: Sequence[Runner]) -> None:
        """Run these from now on. Nothing may be under way."""
        ...

    def extend(self, number: int, block_ids: Sequence[int]) -> None:
        """Sequence `number` of those started has these blocks now: those it had, and more. Waits for nothing."""
        ...

    def launch(self) -> None:
        """Queue a step, and wait for nothing. `room` must be left, and fewer than `depth` be under way."""
        ...

    def collect(self) -> list[int]:
        """The ids chosen by the oldest step under way, or FAILED, for each sequence started; waits for that step."""
        ...

    def abandon(self) -> None:
        """After an error: what is under way is not asked for any more."""
        ...


@runtime_checkable
class DecodesOnDevice(Protocol):
    """A model that also chooses tokens, on the device that computes them: ids come to the host, and logits do not.

    Its attention is not cut into tiles either, so a step may compute as much of a prompt as it likes.
    """

    def can_sample(self, params: SamplingParams) -> bool:
        """Whether it chooses as these parameters ask for. What it is asked to sample must be so."""
        ...

    def forward_and_sample(
        self, batch: Batch, kv: KvStorage, params: Sequence[SamplingParams], reply_positions: Sequence[int]
    ) -> list[int]:
        """Compute all tokens as `forward` does; return an id, or FAILED, chosen from each row of logits."""
        ...

    def steps_ahead(self, kv: KvStorage, params: Sequence[SamplingParams]) -> StepsAhead | None:
        """Steps for so many sequences sampled like this, the same whenever asked again; None if they are too many."""
        ...
