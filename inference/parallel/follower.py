"""A process that computes along with rank 0, which started it (launch.py). It ends when it is told to, or alone.

Its standard input is rank 0's end of a pipe: one line of orders, then nothing until rank 0 is gone, however it went.
Signals are meant for rank 0: a terminal and a service manager send them to all processes, and a rank that went at once
would break the replies that rank 0 still wants to end.
"""

import json
import logging
import os
import shutil
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self, TextIO

from inference.config import EngineConfig

logger = logging.getLogger(__name__)

EXIT_FAILED, EXIT_ABANDONED = 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Which part of which model to load, and the file in which the ranks meet."""

    model: str
    config: EngineConfig
    meeting: str
    rank: int

    def to_line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """What `to_line` wrote."""
        fields = json.loads(line)
        return cls(**{**fields, "config": EngineConfig(**fields["config"])})


def main() -> None:
    """Never returns: an interpreter that ends while the group still stands goes down with an abort."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(format="%(asctime)s [%(levelname)s] %(message)s")
    orders = Orders.from_line(sys.stdin.readline())
    threading.Thread(target=_end_with, args=(sys.stdin, orders), name="rank 0", daemon=True).start()
    try:
        _follow(orders)
    except Exception as error:
        # Rank 0 notices that this process is gone; why is only known here.
        logger.error("rank_failed rank=%d reason=%s: %s", orders.rank, type(error).__name__, error)
        _give_up(orders, EXIT_FAILED)
    os._exit(0)


def _end_with(pipe: TextIO, orders: Orders) -> None:
    pipe.read()
    _give_up(orders, EXIT_ABANDONED)


def _give_up(orders: Orders, status: int) -> None:
    shutil.rmtree(Path(orders.meeting).parent, ignore_errors=True)  # rank 0 made it, and may not be there to remove it
    os._exit(status)


def _follow(orders: Orders) -> None:
    from inference.parallel.load import load_rank
    from inference.parallel.ranks import Meeting, join
    from inference.weights.open import open_checkpoint
    from inference.weights.progress import Silent

    meeting = Meeting(path=Path(orders.meeting), rank=orders.rank, num_ranks=orders.config.num_ranks)
    ranks = join(device=orders.config.device, meeting=meeting)
    model, _ = load_rank(open_checkpoint(orders.model, progress=Silent()), orders.config, ranks)
    model.follow()
    ranks.leave()


if __name__ == "__main__":
    main()
