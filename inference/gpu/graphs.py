"""Steps of fixed shape: static tensors that a captured CUDA graph reads, and the padding that makes a batch fit them.

    batch of 3 sequences, 1 row each                       sizes (4, 1): 3 rows and one of padding
    batch of 3 sequences with 1, 3 and 2 rows (drafts)     sizes (4, 4): 16 rows, of which 6 count

A graph replays kernels with the addresses it was captured with, so a step belongs to one KvStorage, and its inputs are
copied to where the graph reads them. All graphs share one pool of memory, for only one runs at a time; the largest is
captured first, so that the others fit into what it left. Without graphs the same code calls the same computation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from inference.gpu.pages import PagedRows, fill_uniform, like, uniform_rows
from inference.model.batch import Batch

T = TypeVar("T")


class Captured(Generic[T]):
    """A computation on static tensors, captured when it first runs. Its result is the same tensors every time."""

    def __init__(self, compute: Callable[[], T], *, has_graph: bool, pool: object = None) -> None:
        self._compute = compute
        self._has_graph = has_graph
        self._pool = pool
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: T | None = None

    def run(self) -> T:
        """Queue it on the current stream."""
        if not self._has_graph:
            return self._compute()
        if self._graph is None:
            self.prepare()
        assert self._graph is not None
        assert self._result is not None
        self._graph.replay()
        return self._result

    def prepare(self) -> None:
        """Run once to let kernels be compiled, measured and given their workspaces; then record, without running.

        What the computation changes, it changes once here, with or without a graph.
        """
        self._compute()
        if not self._has_graph:
            return
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the device meanwhile: only this one's calls must fit into a graph.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):  # type: ignore[arg-type]
            self._result = self._compute()
        self._graph = graph


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSizes:
    """The shapes steps are captured in: numbers of sequences, and of rows of each (one, or with drafts)."""

    batch_sizes: Sequence[int] = (1, 2, 4, 8, 16, 32)
    rows_each: Sequence[int] = (1, 2, 4, 8)

    def fitting(self, batch: Batch) -> tuple[int, int] | None:
        """The least shape that this batch fits into."""
        most_rows = max(segment.num_tokens for segment in batch.segments)
        size = self.holding(len(batch.segments))
        rows = [number for number in self.rows_each if number >= most_rows]
        return (size, min(rows)) if size and rows else None

    def holding(self, num_sequences: int) -> int | None:
        """The least number of sequences that there are shapes for and that holds so many."""
        return min((size for size in self.batch_sizes if size >= num_sequences), default=None)


class FixedSteps:
    """The steps of one model on one KvStorage, which `compute` knows; its addresses are in the graphs."""

    def __init__(
        self,
        compute: Callable[[PagedRows], Tensor],
        *,
        scratch_block: int,
        device: str,
        sizes: StepSizes,
        num_columns: int,
        pairs_per_row: int,
        has_graphs: bool,
    ) -> None:
        self._compute = compute
        self.scratch_block = scratch_block
        self.device = device
        self._sizes = sizes
        self._num_columns = num_columns
        self._pairs_per_row = pairs_per_row
        self.has_graphs = has_graphs
        self.pool = torch.cuda.graph_pool_handle() if has_graphs else None
        self._steps: dict[tuple[int, int], _FixedStep] = {}

    def run(self, batch: Batch) -> Tensor | None:
        """Logits [R, vocab] on the device, valid until the next step; None if the batch fits no shape."""
        sizes = self._sizes.fitting(batch)
        return self._step(*sizes).run(batch) if sizes else None

    def prepare(self) -> None:
        """Capture plain decode steps of every size now, the largest first; those with drafts follow when needed."""
        for num_sequences in sorted(self._sizes.batch_sizes, reverse=True):
            self._step(num_sequences, min(self._sizes.rows_each)).prepare()

    def _step(self, num_sequences: int, rows_each: int) -> "_FixedStep":
        if (num_sequences, rows_each) not in self._steps:
            rows = uniform_rows(
                num_sequences=num_sequences,
                rows_each=rows_each,
                num_columns=self._num_columns,
                pairs_per_row=self._pairs_per_row,
            )
            step = _FixedStep(self._compute, rows, self)
            self._steps[num_sequences, rows_each] = step
        return self._steps[num_sequences, rows_each]


class _FixedStep:
    def __init__(self, compute: Callable[[PagedRows], Tensor], rows: PagedRows, steps: FixedSteps) -> None:
        self._on_host = rows
        self._on_device = on_device = like(rows, device=steps.device)
        self._scratch_block = steps.scratch_block
        self._captured = Captured(lambda: compute(on_device), has_graph=steps.has_graphs, pool=steps.pool)
        self._copied = torch.cuda.Event() if steps.has_graphs else None  # type: ignore[no-untyped-call]  # as torch has it

    def run(self, batch: Batch) -> Tensor:
        places = self._fill(batch)
        logits = self._captured.run()
        if places == list(range(len(places))):
            return logits[: len(places)]
        return logits[torch.tensor(places, device=logits.device)]

    def prepare(self) -> None:
        """Record the graph with nothing but padding."""
        self._fill(Batch(ids=(), segments=(), logit_rows=()))
        self._captured.prepare()

    def _fill(self, batch: Batch) -> list[int]:
        if self._copied:
            self._copied.synchronize()  # the last copy has read what is now written over
        places = fill_uniform(self._on_host, batch, scratch_block=self._scratch_block)
        self._on_device.buffer.copy_(self._on_host.buffer, non_blocking=True)
        if self._copied:
            self._copied.record()
        return places
