"""A checkpoint as one rank sees it. From Meta's shards, from safetensors and from GGUF, only its parts are read."""

import math
from collections.abc import Mapping
from dataclasses import replace

import torch

from inference.parallel.plan import Plan
from inference.weights.checkpoint import BlockMatrix, Checkpoint, PackedMatrix, Stored, WeightSource
from inference.weights.part import Part


def checkpoint_of_rank(checkpoint: Checkpoint, plan: Plan) -> Checkpoint:
    """The same checkpoint with the shape and the weights of this rank."""
    return replace(checkpoint, shape=plan.local_shape, weights=RankWeights(checkpoint.weights, plan))


class RankWeights:
    """The parts of a source that a plan gives to its rank. A tied head becomes a matrix of its own."""

    def __init__(self, weights: WeightSource, plan: Plan) -> None:
        self._weights = weights
        self._plan = plan

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return self._plan.local_shape.tensor_shapes()

    def stored(self) -> Mapping[str, Stored]:
        whole, stored = self._weights.shapes(), self._weights.stored()
        return {
            name: replace(
                stored[self._source(name)],
                num_bytes=stored[self._source(name)].num_bytes
                * math.prod(shape)
                // math.prod(whole[self._source(name)]),
            )
            for name, shape in self.shapes().items()
        }

    def tensor(self, name: str, dtype: torch.dtype | None = None, part: Part | None = None) -> torch.Tensor:
        ours = self._weights.tensor(self._source(name), dtype, self._plan.part(name))
        return part.of(ours) if part else ours

    def packed(self, name: str, part: Part | None = None) -> PackedMatrix | None:
        return None if part else self._weights.packed(self._source(name), self._plan.part(name))

    def blocks(self, name: str, part: Part | None = None) -> BlockMatrix | None:
        return None if part else self._weights.blocks(self._source(name), self._plan.part(name))

    def _source(self, name: str) -> str:
        return "embedding" if name == "head" and self._plan.shape.has_tied_head else name
