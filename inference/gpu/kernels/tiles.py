"""What the products of a few rows share: the tiles that are tried, the rows of a tile, and the end of a split sum.

Which tile is fastest is measured once per shape, before any step is captured, and kept on disk. A matrix of few outputs
has too few tiles to keep a device busy, so several programs share one: each sums a part of the inputs, and the last one
to arrive adds the parts in their order. So the result does not depend on who came last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import triton
import triton.language as tl
import triton.testing
from torch import Tensor

from inference.gpu.kernels import is_interpreted

LEAST_ROWS = 8
"""Of a tile that goes through the matrix units with the weights as their first factor."""
LEAST_COLS = 2
MOST_SPLITS = 4
MOST_SPLIT_OUT = 16_384
"""From here on a matrix has tiles enough, and the parts would take room."""
measure = partial(triton.testing.do_bench, warmup=5, rep=20)


@dataclass(frozen=True, slots=True)
class Tile:
    """`cols` outputs by `size` inputs (or pieces of them) at a time; `splits` programs share the inputs."""

    cols: int
    size: int
    num_warps: int
    num_stages: int
    splits: int = 1
    is_swapped: bool = True
    """Weights first: y^T = W x^T. Then 8 rows fill the matrix units, of which there are 16 otherwise."""


def config(tile: Tile, size: str, **further: bool) -> Any:
    """`size` is the name the kernel has for it."""
    return triton.Config(
        {"COLS": tile.cols, size: tile.size, "SPLITS": tile.splits, **further},
        num_warps=tile.num_warps,
        num_stages=tile.num_stages,
    )


def tried(tiles: Sequence[Tile], interpreted: Tile) -> Sequence[Tile]:
    """Interpreted there is no time to measure, and one tile is taken."""
    return [interpreted] if is_interpreted() else list(dict.fromkeys(tiles))


def padded(num_rows: int) -> int:
    """Rows of a tile that holds so many."""
    return max(LEAST_ROWS, int(triton.next_power_of_2(num_rows)))


def new_arrivals(num_out: int, device: torch.device) -> Tensor:
    """Zeros in which the programs that share a tile are counted; every product leaves zeros again. One per matrix."""
    return torch.zeros(triton.cdiv(num_out, LEAST_COLS), dtype=torch.int32, device=device)


def parts_for(y: Tensor) -> Tensor:
    """Room for the parts of `y` [T, N], or `y` itself where it is not split."""
    if not may_split(y.shape[1]):
        return y
    return torch.empty((MOST_SPLITS, *y.shape), dtype=torch.float32, device=y.device)


def may_split(num_out: int) -> bool:
    return is_interpreted() or num_out <= MOST_SPLIT_OUT  # interpreted, the one tile that is taken is split


def without_splits(configs: Sequence[Any], arguments: Mapping[str, Any]) -> list[Any]:
    """Those that can be tried for a matrix of this many outputs."""
    return [each for each in configs if each.kwargs["SPLITS"] == 1 or may_split(arguments["num_out"])]


def grid(num_out: int) -> Any:
    return lambda meta: (triton.cdiv(num_out, meta["COLS"]), meta["SPLITS"])


@triton.jit
def finish(sums, y, parts, arrived, place, is_there, num_values, SPLITS: tl.constexpr):
    """Store a tile of y, or this program's part of it, and all of it if it is the last part."""
    if SPLITS == 1:
        tl.store(y + place, sums.to(y.dtype.element_ty), mask=is_there)
    else:
        tl.store(parts + tl.program_id(1) * num_values + place, sums, mask=is_there)
        tl.debug_barrier()
        before = tl.atomic_add(arrived + tl.program_id(0), 1, sem="acq_rel")
        if before == SPLITS - 1:
            total = tl.zeros_like(sums)
            for split in tl.static_range(SPLITS):
                total += tl.load(parts + split * num_values + place, mask=is_there, other=0.0, cache_modifier=".cg")
            tl.store(y + place, total.to(y.dtype.element_ty), mask=is_there)
            tl.store(arrived + tl.program_id(0), 0)
