"""The other ranks of a server: rank 0, which is the server itself, starts them, watches them and ends them.

    rank 0   start ─▶ meet ─▶ load ─▶ requests ... ─▶ engine closed ─▶ tell "end" ─▶ wait for all
    others   start ─▶ meet ─▶ load ─▶ follow   ...                     end, status 0

A rank that is gone leaves the others waiting for its sums, on some devices for ever. So its end is noticed here, by
waiting for the process itself; then all others are ended and the server is told. The other way round, ranks notice that
rank 0 is gone by the end of a pipe (follower.py).
"""

import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import torch

from inference.config import EngineConfig
from inference.errors import CheckpointError, RankLost
from inference.parallel.follower import Orders
from inference.parallel.load import check_ranks
from inference.parallel.ranks import Meeting, Ranks, join
from inference.weights.checkpoint import Checkpoint

logger = logging.getLogger(__name__)

END_S = 10.0


class Followers:
    """The processes of ranks 1 and up. `on_lost` hears, on a thread of its own, of the first that ends unasked."""

    def __init__(self, *, on_lost: Callable[[RankLost], None]) -> None:
        self._on_lost = on_lost
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="ranks-", ignore_cleanup_errors=True)
        self._processes: list[subprocess.Popen[str]] = []
        self._ranks: Ranks | None = None
        self._is_ending = False
        self.has_left = True
        """Whether no group of processes stands that would take the interpreter down at its end."""

    def start(self, checkpoint: Checkpoint, config: EngineConfig) -> Ranks:
        """Start them and meet them; they load their parts while rank 0 loads its own. Raises CheckpointError."""
        check_ranks(checkpoint, config)
        if config.device not in ("cpu", "cuda"):
            raise CheckpointError(
                checkpoint.path, f"each rank has a GPU of its own, and not all of them {config.device}"
            )
        if config.device == "cuda" and torch.cuda.device_count() < config.num_ranks:
            reason = f"{config.num_ranks} ranks need a GPU each, and there are {torch.cuda.device_count()}"
            raise CheckpointError(checkpoint.path, reason)
        # They meet on this machine, and what they say to each other is for nobody else.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo" if sys.platform == "linux" else "lo0")
        meeting = Meeting(path=Path(self._folder.name) / "meeting", rank=0, num_ranks=config.num_ranks)
        with self._lock:
            if self._is_ending:
                raise RankLost("The server is going down.")
            self.has_left = False
            for rank in range(1, config.num_ranks):
                orders = Orders(model=str(checkpoint.path), config=config, meeting=str(meeting.path), rank=rank)
                self._processes.append(_start(orders))
        for rank, process in enumerate(self._processes, start=1):
            logger.info("rank_started", extra={"rank": rank, "pid": process.pid})
            threading.Thread(target=self._watch, args=(rank, process), name=f"rank-{rank}", daemon=True).start()
        self._ranks = join(device=config.device, meeting=meeting)
        return self._ranks

    def dismiss(self) -> None:
        """Let all ranks end in order, after the last step. Those that do not are killed."""
        with self._lock:
            if self._is_ending or self._ranks is None:
                return
            self._is_ending = True
            try:
                self._ranks.tell(None)
                self._ranks.leave()
                self.has_left = True
                for process in self._processes:
                    process.wait(timeout=END_S)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                logger.error("ranks_not_dismissed", extra={"reason": str(error)})
            self._clean_up()

    def kill(self) -> None:
        """End all of them at once, in whatever state they are."""
        with self._lock:
            self._is_ending = True
            self._clean_up()

    def _watch(self, rank: int, process: "subprocess.Popen[str]") -> None:
        status = process.wait()
        with self._lock:
            if self._is_ending:
                return
            self._is_ending = True
            self._clean_up()
        logger.error("rank_lost", extra={"rank": rank, "pid": process.pid, "status": status})
        self._on_lost(RankLost(f"Rank {rank} ended with status {status}."))

    def _clean_up(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            assert process.stdin
            process.stdin.close()
        self._folder.cleanup()


def _start(orders: Orders) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-m", "inference.parallel.follower"], stdin=subprocess.PIPE, text=True)
    assert process.stdin
    process.stdin.write(orders.to_line())
    process.stdin.flush()
    return process
