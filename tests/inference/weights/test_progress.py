"""People see how far a long load is: a bar on a terminal, log lines elsewhere, nothing for what is quick."""

import io
import logging
from pathlib import Path

import pytest

from inference.model.llama import load_model
from inference.weights.open import open_checkpoint
from inference.weights.progress import ProgressBar, ProgressLog, progress_on
from tests.inference.checkpoints import FORMATS


class Recorded:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int]] = []
        self.done = 0
        self.num_ends = 0

    def begin(self, what: str, total_bytes: int) -> None:
        self.begun.append((what, total_bytes))

    def advance(self, num_bytes: int) -> None:
        self.done += num_bytes

    def end(self) -> None:
        self.num_ends += 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kind", FORMATS)
def test_loading_a_model_counts_each_stored_byte_once(tiny_paths: dict[str, Path], kind: str) -> None:
    """Whatever the engine asks for first, and however often."""
    progress = Recorded()
    checkpoint = open_checkpoint(str(tiny_paths[kind]), progress=progress)
    assert not progress.begun, "opening reads headers only"
    load_model(checkpoint, dtype="float32", max_context=64)
    total = sum(stored.num_bytes for stored in checkpoint.weights.stored().values())
    assert progress.begun == [("Reading weights", total)]
    assert (progress.done, progress.num_ends) == (total, 1)
    load_model(checkpoint, dtype="float32", max_context=64)
    assert progress.num_ends == 1


def test_a_terminal_shows_a_bar_that_ends_full() -> None:
    terminal = Terminal()
    bar = progress_on(terminal)
    assert isinstance(bar, ProgressBar)
    bar.begin("Reading weights", 3_000_000_000)
    bar.advance(1_000_000_000)
    bar.end()
    assert terminal.getvalue().startswith("\rReading weights ░")
    assert "100%  3.00 of 3.00 GB" in terminal.getvalue().splitlines()[-1]


def test_elsewhere_only_long_work_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Control characters in a log file help nobody, and neither do lines about a load of one second."""
    caplog.set_level(logging.INFO)
    assert isinstance(progress_on(io.StringIO()), ProgressLog)
    for every_s in (60.0, 0.0):
        progress = ProgressLog(every_s)
        progress.begin("Reading weights", 4_000_000_000)
        progress.advance(1_000_000_000)
        progress.end()
    (line,) = caplog.records
    assert (line.message, line.__dict__["percent"], line.__dict__["gb"]) == ("progress", 25, 1.0)
