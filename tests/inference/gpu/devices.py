"""CudaLlamas on the CPU that show what an engine makes of a device: counting, as slow as can be, and broken."""

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.gpu.decode_loop import DecodeLoop
from inference.gpu.llama import CudaLlama
from inference.gpu.pages import PagedRows
from inference.kvcache.storage import KvStorage
from inference.model.batch import Batch, Runner, StepsAhead
from inference.sampling.params import SamplingParams


class CountingLlama(CudaLlama):
    """Counts passes, those that the host asked for one by one, those whose logits it asked for, and loops started."""

    num_passes = num_single = num_with_logits = num_starts = 0

    def compute(self, rows: PagedRows, kv: KvStorage, logit_rows: Tensor | None = None) -> Tensor:
        self.num_passes += 1
        return super().compute(rows, kv, logit_rows)

    def forward(self, batch: Batch, kv: KvStorage) -> Tensor:
        self.num_with_logits += 1
        return super().forward(batch, kv)

    def forward_on_device(self, batch: Batch, kv: KvStorage) -> Tensor:
        self.num_single += 1
        return super().forward_on_device(batch, kv)

    def forget_counts(self) -> None:
        self.num_passes = self.num_single = self.num_with_logits = self.num_starts = 0

    def steps_ahead(self, kv: KvStorage, params: Sequence[SamplingParams]) -> DecodeLoop | None:
        self.num_starts += 1
        return super().steps_ahead(kv, params)

    @property
    def num_ahead(self) -> int:
        """Passes of a decode loop."""
        return self.num_passes - self.num_single


class LateLlama(CudaLlama):
    """Computes what is launched only when somebody waits for it, or for something queued behind it."""

    late: "LateSteps | None" = None

    def forward_on_device(self, batch: Batch, kv: KvStorage) -> Tensor:
        if self.late:
            self.late.catch_up()
        return super().forward_on_device(batch, kv)

    def steps_ahead(self, kv: KvStorage, params: Sequence[SamplingParams]) -> "LateSteps | None":  # type: ignore[override]  # as slow, it is no DecodeLoop
        steps = super().steps_ahead(kv, params)
        self.late = LateSteps(steps) if steps else None
        return self.late


class LateSteps:
    """A queue in front of other steps."""

    def __init__(self, steps: StepsAhead) -> None:
        self.depth = steps.depth
        self._steps = steps
        self._num_queued = 0

    @property
    def num_under_way(self) -> int:
        return self._num_queued + self._steps.num_under_way

    @property
    def room(self) -> int:
        return self._steps.room - self._num_queued

    def start(self, runners: Sequence[Runner]) -> None:
        assert not self.num_under_way
        self._steps.start(runners)

    def extend(self, number: int, block_ids: Sequence[int]) -> None:
        self._steps.extend(number, block_ids)

    def launch(self) -> None:
        assert self.num_under_way < self.depth and self.room > 0
        self._num_queued += 1

    def collect(self) -> list[int]:
        if not self._steps.num_under_way:
            self._steps.launch()
            self._num_queued -= 1
        return self._steps.collect()

    def abandon(self) -> None:
        self._num_queued = 0
        self._steps.abandon()

    def catch_up(self) -> None:
        while self._num_queued:
            self._steps.launch()
            self._num_queued -= 1


class BrokenLlama(CudaLlama):
    """Works until `fault` is set: "nan" gives logits that are no numbers, "error" raises."""

    fault = ""

    def compute(self, rows: PagedRows, kv: KvStorage, logit_rows: Tensor | None = None) -> Tensor:
        if self.fault == "error":
            raise RuntimeError("the device is gone")
        logits = super().compute(rows, kv, logit_rows)
        return torch.full_like(logits, torch.nan) if self.fault == "nan" else logits
