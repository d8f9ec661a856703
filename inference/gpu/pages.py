"""Where the rows of one step stand: positions, slots and block tables as tensors of one flat int32 buffer.

    buffer   | ids T | positions T | slots T | starts S+1 | kv_lens S | work 2W | tables S x C |

One buffer is one copy to the device, and its views never move, which is what a captured graph needs. A step of a fixed
shape has S sequences of q rows each; what is missing to that is padding:

    a sequence with fewer rows   its further rows stand at the positions that follow and are stored in the scratch block
    a missing sequence           q rows at positions 0 .. q-1 whose only block is the scratch block

The null block is read for blocks that do not exist and is never written.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.kvcache.storage import BLOCK_TOKENS, NULL_BLOCK, num_blocks_for
from inference.model.batch import Batch, Segment

PAD_ID = 0
LEAST_PAIRS, MOST_PAIRS = 16, 64
"""The matrix units take at least so many rows at a time; a prompt has enough for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagedRows:
    """T rows of S sequences, on one device, all int32. Views of `buffer`.

    ids, positions, slots  [T]
    starts     [S + 1]   the rows of sequence s are starts[s] .. starts[s + 1] - 1, at consecutive positions
    kv_lens    [S]       one past the position of its last row
    work       [W, 2]    pieces of attention: a sequence, and the first of its (token, head of a group) pairs
    tables     [S, C]    block ids
    most_rows            of one sequence
    """

    buffer: Tensor
    ids: Tensor
    positions: Tensor
    slots: Tensor
    starts: Tensor
    kv_lens: Tensor
    work: Tensor
    tables: Tensor
    most_rows: int

    @property
    def num_rows(self) -> int:
        return self.ids.shape[0]

    @property
    def num_sequences(self) -> int:
        return self.tables.shape[0]

    @property
    def is_uniform(self) -> bool:
        """Whether all sequences have the same number of rows."""
        return self.num_rows == self.num_sequences * self.most_rows


def empty_rows(
    *, num_rows: int, num_sequences: int, num_work: int, num_columns: int, most_rows: int, device: str
) -> PagedRows:
    """Room for a step of this size. On the CPU beside a GPU the memory is pinned, so that copies need not wait."""
    sizes = (num_rows, num_rows, num_rows, num_sequences + 1, num_sequences, 2 * num_work, num_sequences * num_columns)
    is_pinned = device == "cpu" and torch.cuda.is_available()
    buffer = torch.zeros(sum(sizes), dtype=torch.int32, device=device, pin_memory=is_pinned)
    ids, positions, slots, starts, kv_lens, work, tables = torch.split(buffer, list(sizes))
    return PagedRows(
        buffer=buffer,
        ids=ids,
        positions=positions,
        slots=slots,
        starts=starts,
        kv_lens=kv_lens,
        work=work.view(num_work, 2),
        tables=tables.view(num_sequences, num_columns),
        most_rows=most_rows,
    )


def like(rows: PagedRows, *, device: str) -> PagedRows:
    """Room of the same shape elsewhere."""
    return empty_rows(
        num_rows=rows.num_rows,
        num_sequences=rows.num_sequences,
        num_work=len(rows.work),
        num_columns=rows.tables.shape[1],
        most_rows=rows.most_rows,
        device=device,
    )


def piece_size(most_rows: int, pairs_per_row: int) -> int:
    """Pairs of a row and a head that one program of attention takes, where a sequence has up to `most_rows` rows."""
    power = 1 << (most_rows * pairs_per_row - 1).bit_length()
    return min(max(power, LEAST_PAIRS), MOST_PAIRS)


def ragged_rows(batch: Batch, *, pairs_per_row: int) -> PagedRows:
    """The rows of any batch, on the CPU and without padding. `pairs_per_row` is the number of heads in a group."""
    segments = batch.segments
    most_rows = max(segment.num_tokens for segment in segments)
    work = _work([segment.num_tokens for segment in segments], pairs_per_row)
    rows = empty_rows(
        num_rows=len(batch.ids),
        num_sequences=len(segments),
        num_work=len(work),
        num_columns=max(num_blocks_for(segment.position + segment.num_tokens) for segment in segments),
        most_rows=most_rows,
        device="cpu",
    )
    rows.ids.copy_(torch.tensor(batch.ids))
    rows.work.copy_(torch.tensor(work))
    rows.starts.copy_(torch.tensor([segment.row for segment in segments] + [len(batch.ids)]))
    for number, segment in enumerate(segments):
        _place(rows, number, segment.row, segment)
    return rows


def uniform_rows(*, num_sequences: int, rows_each: int, num_columns: int, pairs_per_row: int) -> PagedRows:
    """Room on the CPU for a step of fixed shape, of which only what changes is still to be filled in."""
    work = _work([rows_each] * num_sequences, pairs_per_row)
    rows = empty_rows(
        num_rows=num_sequences * rows_each,
        num_sequences=num_sequences,
        num_work=len(work),
        num_columns=num_columns,
        most_rows=rows_each,
        device="cpu",
    )
    rows.work.copy_(torch.tensor(work))
    rows.starts.copy_(torch.arange(num_sequences + 1) * rows_each)
    return rows


def fill_uniform(rows: PagedRows, batch: Batch, *, scratch_block: int) -> list[int]:
    """Write a batch, whose segments are at most as many and as long as `rows` has, with padding.

    Returns the row of each of `batch.logit_rows` there.
    """
    width = rows.most_rows
    padded = torch.arange(rows.num_rows, dtype=torch.int32) % width
    rows.ids.fill_(PAD_ID)
    rows.positions.copy_(padded)
    rows.slots.copy_(scratch_block * BLOCK_TOKENS + padded % BLOCK_TOKENS)
    rows.kv_lens.fill_(width)
    rows.tables.fill_(NULL_BLOCK)
    rows.tables[:, 0] = scratch_block
    place_of_row: list[int] = []
    for number, segment in enumerate(batch.segments):
        first = number * width
        ids = batch.ids[segment.row : segment.row + segment.num_tokens]
        rows.ids[first : first + segment.num_tokens] = torch.tensor(ids, dtype=torch.int32)
        rows.tables[number, 0] = NULL_BLOCK
        _place(rows, number, first, segment)
        end = segment.position + width
        rows.positions[first : first + width] = torch.arange(segment.position, end, dtype=torch.int32)
        rows.kv_lens[number] = end
        place_of_row += range(first, first + segment.num_tokens)
    return [place_of_row[row] for row in batch.logit_rows]


def _work(lengths: Sequence[int], pairs_per_row: int) -> list[tuple[int, int]]:
    """Pieces of every sequence, its last ones first: they see the most keys and take longest."""
    size = piece_size(max(lengths), pairs_per_row)
    pieces = [
        (number, first) for number, length in enumerate(lengths) for first in range(0, length * pairs_per_row, size)
    ]
    return sorted(pieces, key=lambda piece: -piece[1])


def _place(rows: PagedRows, number: int, first: int, segment: Segment) -> None:
    end = segment.position + segment.num_tokens
    block_ids = torch.tensor(list(segment.block_ids[: num_blocks_for(end)]), dtype=torch.int32)
    rows.tables[number, : len(block_ids)] = block_ids
    positions = torch.arange(segment.position, end, dtype=torch.int32)
    places = slice(first, first + segment.num_tokens)
    rows.positions[places] = positions
    rows.slots[places] = block_ids[positions // BLOCK_TOKENS] * BLOCK_TOKENS + positions % BLOCK_TOKENS
    rows.kv_lens[number] = end
