"""The group of ranks, started by torchrun or by rank 0 (launch.py), and what they say to one another."""

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

# A server may be idle for days, while its other ranks wait for the next batch.
WAIT_FOR_WORK = datetime.timedelta(days=365)
WAIT_FOR_EACH_OTHER = datetime.timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """This process among the others. `device` is where it computes.

    Orders go over the processes' own group, on the processor and without hurry; sums go over `sums`, where the tensors
    are, or over the same group if that is None. The group itself is not kept here: its threads end when nobody holds it
    any more, and one that is left when the interpreter ends takes the process down with it.
    """

    rank: int
    num_ranks: int
    device: str
    sums: Any = None

    @property
    def is_first(self) -> bool:
        """Whether this is the one that schedules and speaks."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """`values` of all ranks added up, in place, on every rank."""
        dist.all_reduce(values, group=self.sums)
        return values

    def gather(self, values: Tensor) -> list[Tensor] | None:
        """On rank 0 the `values` of all ranks, in order; they have one shape. Elsewhere None."""
        parts = [torch.empty_like(values) for _ in range(self.num_ranks)] if self.is_first else None
        dist.gather(values, parts, dst=0, group=self.sums)
        return parts

    def tell(self, order: Any) -> None:
        """From rank 0: give `order` to all others."""
        dist.broadcast_object_list([order], src=0)

    def hear(self) -> Any:
        """On the others: wait for the next order."""
        order = [None]
        dist.broadcast_object_list(order, src=0)
        return order[0]

    def leave(self) -> None:
        """Take the group apart, when all are done: one that is gone while another still reads would break it."""
        dist.barrier()
        dist.destroy_process_group()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A file that does not exist yet, in which the processes of one machine find each other."""

    path: Path
    rank: int
    num_ranks: int


def join(*, device: str = "cpu", meeting: Meeting | None = None) -> Ranks:
    """Meet the other processes: those at `meeting`, or else those that torchrun started.

    With "cuda", rank i of a machine computes on its GPU i.
    """
    if meeting is None:
        dist.init_process_group("gloo", timeout=WAIT_FOR_WORK)
    else:
        dist.init_process_group(
            "gloo",
            init_method=f"file://{meeting.path}",
            rank=meeting.rank,
            world_size=meeting.num_ranks,
            timeout=WAIT_FOR_WORK,
        )
    rank, num_ranks = dist.get_rank(), dist.get_world_size()
    if device == "cuda":
        device = f"cuda:{rank % torch.cuda.device_count()}"
        torch.cuda.set_device(device)
    is_cuda = device.startswith("cuda")
    sums = dist.new_group(backend="nccl", timeout=WAIT_FOR_EACH_OTHER) if is_cuda else None
    return Ranks(rank=rank, num_ranks=num_ranks, device=device, sums=sums)
