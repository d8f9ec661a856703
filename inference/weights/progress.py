"""How far a long read has come: a bar on a terminal, a log line now and then elsewhere."""

import logging
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol, TextIO, TypeVar

import torch

from inference.weights.checkpoint import BlockMatrix, PackedMatrix, Stored, WeightSource
from inference.weights.part import Part

logger = logging.getLogger(__name__)

BAR_WIDTH = 30
REDRAW_S = 0.1
LOG_EVERY_S = 5.0
GB = 1e9

Read = TypeVar("Read")


class Progress(Protocol):
    """Hears of one piece of work after the other."""

    def begin(self, what: str, total_bytes: int) -> None:
        """Something of this size starts."""
        ...

    def advance(self, num_bytes: int) -> None:
        """So much more of it is done."""
        ...

    def end(self) -> None:
        """It is done."""
        ...


def progress_on(stream: TextIO | None = None) -> Progress:
    """A bar if `stream` (standard error if not given) is a terminal, else log lines."""
    stream = stream or sys.stderr
    return ProgressBar(stream) if stream.isatty() else ProgressLog()


class Silent:
    """For those who do not want to know."""

    def begin(self, what: str, total_bytes: int) -> None:
        pass

    def advance(self, num_bytes: int) -> None:
        pass

    def end(self) -> None:
        pass


class _Counted(ABC):
    """Counts, and asks to be shown at most every `every_s` seconds."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._what, self._done, self._total = "", 0, 0
        self._started_at = self._shown_at = time.monotonic()

    def begin(self, what: str, total_bytes: int) -> None:
        self._what, self._done, self._total = what, 0, total_bytes
        self._started_at = self._shown_at = time.monotonic()

    def advance(self, num_bytes: int) -> None:
        self._done += num_bytes
        if time.monotonic() - self._shown_at >= self._every_s:
            self._shown_at = time.monotonic()
            self._show()

    @property
    def _share(self) -> float:
        return min(self._done / self._total, 1.0) if self._total else 1.0

    @abstractmethod
    def _show(self) -> None:
        """Say how far it is."""


class ProgressBar(_Counted):
    """One line of a terminal, drawn again and again."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(REDRAW_S)
        self._stream = stream

    def begin(self, what: str, total_bytes: int) -> None:
        super().begin(what, total_bytes)
        self._show()

    def end(self) -> None:
        self._done = self._total
        self._show()
        self._stream.write("\n")
        self._stream.flush()

    def _show(self) -> None:
        full = int(self._share * BAR_WIDTH)
        rate = self._done / GB / max(time.monotonic() - self._started_at, 1e-3)
        bar = "█" * full + "░" * (BAR_WIDTH - full)
        sizes = f"{self._done / GB:.2f} of {self._total / GB:.2f} GB, {rate:.2f} GB/s"
        self._stream.write(f"\r{self._what} {bar} {self._share:4.0%}  {sizes} ")
        self._stream.flush()


class ProgressLog(_Counted):
    """Log lines, for work that takes longer than a few seconds."""

    def __init__(self, every_s: float = LOG_EVERY_S) -> None:
        super().__init__(every_s)

    def end(self) -> None:
        pass  # what was read is said by whoever asked for it

    def _show(self) -> None:
        fields = {"what": self._what, "percent": round(100 * self._share), "gb": round(self._done / GB, 2)}
        logger.info("progress", extra=fields)


class CountedWeights:
    """A source that tells `progress` which share of it has been read; each tensor counts once."""

    def __init__(self, weights: WeightSource, progress: Progress) -> None:
        self._weights = weights
        self._progress = progress
        self._stored = weights.stored()
        self._unread = set(self._stored)
        self._is_begun = False

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return self._weights.shapes()

    def stored(self) -> Mapping[str, Stored]:
        return self._stored

    def tensor(self, name: str, dtype: torch.dtype | None = None, part: Part | None = None) -> torch.Tensor:
        return self._counted(name, self._weights.tensor(name, dtype, part))

    def packed(self, name: str, part: Part | None = None) -> PackedMatrix | None:
        matrix = self._weights.packed(name, part)
        return self._counted(name, matrix) if matrix else None

    def blocks(self, name: str, part: Part | None = None) -> BlockMatrix | None:
        matrix = self._weights.blocks(name, part)
        return self._counted(name, matrix) if matrix else None

    def _counted(self, name: str, read: Read) -> Read:
        if name not in self._unread:
            return read
        if not self._is_begun:
            self._is_begun = True
            self._progress.begin("Reading weights", sum(stored.num_bytes for stored in self._stored.values()))
        self._unread.remove(name)
        self._progress.advance(self._stored[name].num_bytes)
        if not self._unread:
            self._progress.end()
        return read
