"""Matrices of which each rank has a part, and what makes their results whole."""

import torch
from torch import Tensor
from torch.nn import functional

from inference.model.linear import Linear, LogitHead
from inference.parallel.plan import Plan
from inference.parallel.ranks import Ranks


class SummedLinear:
    """y = x W^T with W split by columns: each rank multiplies its part of x, and the sum is what all go on with.

    Summed in float32, so that the number of ranks changes no more than the order of additions.
    """

    def __init__(self, part: Linear, ranks: Ranks) -> None:
        self._part = part
        self._ranks = ranks

    def __call__(self, x: Tensor) -> Tensor:
        """x [T, K / ranks] -> [T, N] float32, the same on every rank."""
        return self._ranks.sum(self._part(x).float().contiguous())


class GatheredHead:
    """Logits of which each rank computes those of its words."""

    def __init__(self, part: LogitHead, plan: Plan, ranks: Ranks) -> None:
        self._part = part
        self._plan = plan
        self._ranks = ranks

    def __call__(self, x: Tensor) -> Tensor:
        """x [R, hidden] -> on rank 0 [R, vocab] float32, elsewhere nothing."""
        ours = self._part(x)
        # Gathering needs parts of one size.
        padded = functional.pad(ours, (0, self._plan.most_words - ours.shape[1]))
        parts = self._ranks.gather(padded.contiguous())
        if parts is None:
            return ours[:0]
        sizes = [len(Plan(shape=self._plan.shape, num_ranks=len(parts), rank=rank).words) for rank in range(len(parts))]
        return torch.cat([part[:, :size] for part, size in zip(parts, sizes, strict=True)], dim=1)
