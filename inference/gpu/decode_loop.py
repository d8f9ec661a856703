"""Decode steps that follow one another without the host: each reads on the device what the one before it chose.

    device   | step 1 | step 2 | step 3 | ...          ids, positions, slots and lengths advance inside the graph
    host       launch 2, read 1 | launch 3, read 2 |    one step behind: its work lies in the shadow of the next step

    step     compute the rows -> sample -> chosen ids into a ring of results, and into `ids` for the next step

The host decides nothing that a step needs, except that there is a block for the position it writes: `room` says for how
many more steps there is. That a reply has ended is seen one step late; the step under way then computes one token
more, which is not read, in a block the sequence still holds. So a sequence's blocks may be given to others only after
`collect` has returned every step launched while it ran. `engine/device_decoding.py` sees to all this.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from inference.gpu.graphs import Captured
from inference.gpu.pages import PagedRows, fill_uniform, like
from inference.gpu.sampling import Method, SamplingRows, sample_rows
from inference.kvcache.storage import BLOCK_TOKENS
from inference.model.batch import Batch, Runner, Segment
from inference.sampling.params import SamplingParams

DEPTH = 2
"""Steps that may be under way: one computing, one queued behind it."""
NOTHING = Batch(ids=(), segments=(), logit_rows=())


class DecodeLoop:
    """Sequences that advance together, all sampled by one `method`, until the host starts others: `StepsAhead`.

    `compute` is a pass over rows on `device` that returns their logits; `rows` on the CPU have room for a row of as
    many sequences as this is for, and `scratch_block` takes what those that are not there would store.
    """

    depth = DEPTH

    def __init__(
        self,
        compute: Callable[[PagedRows], Tensor],
        rows: PagedRows,
        *,
        method: Method,
        scratch_block: int,
        device: str,
        has_graph: bool,
        pool: object = None,
    ) -> None:
        self._compute = compute
        self._device = device
        self._scratch_block = scratch_block
        self._on_host = rows
        self._rows = like(rows, device=device)
        size = rows.num_sequences
        greedy = SamplingParams(temperature=0.0)
        self._sampling = replace(SamplingRows.of([greedy] * size, [0] * size, device=device), method=method)
        self._is_running = torch.zeros(size, dtype=torch.bool, device=device)
        self._chosen = torch.zeros(size, dtype=torch.int64, device=device)
        fill_uniform(self._on_host, NOTHING, scratch_block=scratch_block)
        self._rows.buffer.copy_(self._on_host.buffer)
        self._captured = Captured(self._step, has_graph=has_graph, pool=pool)
        with torch.inference_mode():
            self._captured.prepare()  # on padding alone, which no step moves
        is_cuda = torch.device(device).type == "cuda"
        self._results = [torch.zeros(size, dtype=torch.int64, pin_memory=is_cuda) for _ in range(DEPTH)]
        self._is_there = [_event() for _ in range(DEPTH)] if is_cuda else []
        self._free = deque(range(DEPTH))
        self._under_way: deque[int] = deque()
        self._starts: list[int] = []
        self._num_blocks: list[int] = []
        self._num_launched = 0

    @property
    def num_under_way(self) -> int:
        return len(self._under_way)

    @property
    def room(self) -> int:
        """Steps that can be launched before a sequence needs another block."""
        ends = (count * BLOCK_TOKENS - start for count, start in zip(self._num_blocks, self._starts, strict=True))
        return min(ends, default=0) - self._num_launched

    @torch.inference_mode()
    def start(self, runners: Sequence[Runner]) -> None:
        """Run these from now on. Everything launched must have been collected."""
        assert not self._under_way
        assert len(runners) <= self._rows.num_sequences
        segments = [
            Segment(row=row, num_tokens=1, position=runner.position, block_ids=runner.block_ids)
            for row, runner in enumerate(runners)
        ]
        batch = Batch(ids=[runner.token_id for runner in runners], segments=segments, logit_rows=())
        fill_uniform(self._on_host, batch, scratch_block=self._scratch_block)
        for number, runner in enumerate(runners):
            self._on_host.tables[number, : len(runner.block_ids)] = torch.tensor(list(runner.block_ids))
        self._starts = [runner.position for runner in runners]
        self._num_blocks = [len(runner.block_ids) for runner in runners]
        self._num_launched = 0
        padding = self._rows.num_sequences - len(runners)
        params = [runner.params for runner in runners] + [SamplingParams(temperature=0.0)] * padding
        positions = [runner.reply_position for runner in runners] + [0] * padding
        self._put(params, positions, len(runners))

    @torch.inference_mode()
    def extend(self, number: int, block_ids: Sequence[int]) -> None:
        """Sequence `number` of those started has these blocks now: those it had, and more."""
        added = slice(self._num_blocks[number], len(block_ids))
        if added.start == added.stop:
            return
        # The host's table is page-locked, and what a copy under way still reads of it is not written again.
        self._on_host.tables[number, added] = torch.tensor(list(block_ids[added]), dtype=torch.int32)
        self._rows.tables[number, added].copy_(self._on_host.tables[number, added], non_blocking=True)
        self._num_blocks[number] = len(block_ids)

    @torch.inference_mode()
    def launch(self) -> None:
        """Queue a step; does not wait for the device."""
        assert self.room > 0
        slot = self._free.popleft()
        self._captured.run()
        self._results[slot].copy_(self._chosen, non_blocking=True)
        if self._is_there:
            self._is_there[slot].record()
        self._under_way.append(slot)
        self._num_launched += 1

    def collect(self) -> list[int]:
        """The ids chosen by the oldest step under way; waits for that step alone."""
        slot = self._under_way.popleft()
        if self._is_there:
            self._is_there[slot].synchronize()
        self._free.append(slot)
        chosen: list[int] = self._results[slot][: len(self._starts)].tolist()
        return chosen

    def abandon(self) -> None:
        """Ask for nothing that is under way: what is launched later comes behind it on the device's queue."""
        self._free = deque(range(DEPTH))
        self._under_way.clear()

    def _put(self, params: Sequence[SamplingParams], positions: Sequence[int], num_running: int) -> None:
        self._rows.buffer.copy_(self._on_host.buffer)
        self._sampling.copy_from(SamplingRows.of(params, positions, device=self._device))
        self._is_running.copy_(torch.arange(len(params)) < num_running)

    def _step(self) -> Tensor:
        """What is captured. Padding rows stay where they are, so that they never leave the scratch block."""
        rows, sampling = self._rows, self._sampling
        # Not before: a block may have been added since the last step.
        column = (rows.positions // BLOCK_TOKENS).clamp_max(rows.tables.shape[1] - 1)
        block = rows.tables.gather(1, column.long()[:, None]).squeeze(1)
        rows.slots.copy_(block * BLOCK_TOKENS + rows.positions % BLOCK_TOKENS)
        logits = self._compute(rows)
        self._chosen.copy_(sample_rows(logits, sampling))
        rows.ids.copy_(torch.where(self._is_running, self._chosen.clamp_min(0), rows.ids))
        advance = self._is_running.int()
        rows.positions.add_(advance)
        rows.kv_lens.add_(advance)
        sampling.positions.add_(advance)
        return self._chosen


def _event() -> torch.cuda.Event:
    return torch.cuda.Event()  # type: ignore[no-untyped-call]  # as torch has it
