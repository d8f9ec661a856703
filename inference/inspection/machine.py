"""This machine: how much memory is free, and how fast it is read. Decoding can be no faster than that."""

import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

READ_BYTES = 256 << 20
"""Much more than any cache holds, so that memory is measured."""
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`device` is "cpu" or the name of a GPU; `read_bytes_per_s` is measured, on `num_threads` threads."""

    device: str
    num_threads: int
    free_bytes: int
    read_bytes_per_s: float


def this_machine(*, num_threads: int, seconds: float = 0.5) -> Machine:
    """The processor and its memory, as they are just now: others who are busy slow the measurement down."""
    return Machine(
        device="cpu",
        num_threads=num_threads,
        free_bytes=free_memory(),
        read_bytes_per_s=read_rate(torch.device("cpu"), num_threads=num_threads, seconds=seconds),
    )


def gpus(*, seconds: float = 0.5) -> list[Machine]:
    """Every GPU that torch sees."""
    return [
        Machine(
            device=torch.cuda.get_device_name(number),
            num_threads=0,
            free_bytes=torch.cuda.mem_get_info(number)[0],
            read_bytes_per_s=read_rate(torch.device("cuda", number), num_threads=1, seconds=seconds),
        )
        for number in range(torch.cuda.device_count())
    ]


def free_memory(cgroup: Path = CGROUP) -> int:
    """Bytes that can be allocated: what the system has, or what the container may still take if that is less."""
    available = int(psutil.virtual_memory().available)
    try:
        limit, used = (cgroup / "memory.max").read_text().strip(), int((cgroup / "memory.current").read_text())
    except (OSError, ValueError):
        return available  # no container, or one of another kind
    return min(available, max(int(limit) - used, 0)) if limit.isdigit() else available


def read_rate(device: torch.device, *, num_threads: int, seconds: float) -> float:
    """Bytes a second in one pass over memory after the other, the best of those that fit into `seconds`."""
    values = torch.ones(READ_BYTES // 8, dtype=torch.int64, device=device)
    before = torch.get_num_threads()
    torch.set_num_threads(max(num_threads, 1))
    try:
        best, deadline = 0.0, time.perf_counter() + seconds
        while best == 0.0 or time.perf_counter() < deadline:
            started = time.perf_counter()
            values.sum().item()
            best = max(best, values.nbytes / (time.perf_counter() - started))
    finally:
        torch.set_num_threads(before)
    return best
