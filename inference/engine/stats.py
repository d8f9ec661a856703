"""What an engine counts, and what it shows of it."""

from dataclasses import dataclass

from inference.kvcache.host_tier import HostCounts
from inference.scheduler.scheduler import Scheduler
from inference.speculation.statistics import DraftCounters


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStats:
    """What /metrics shows. Counters only grow; gauges are of this moment."""

    num_running: int
    num_waiting: int
    num_blocks: int
    num_blocks_held: int
    num_blocks_named: int
    num_host_blocks: int
    num_spilled_blocks: int
    num_restored_blocks: int
    num_prefix_queried_tokens: int
    num_prefix_hit_tokens: int
    num_prefill_tokens: int
    num_decode_tokens: int
    num_preemptions: int
    num_steps: int
    step_seconds: float
    schedule_seconds: float
    num_drafts: int
    num_draft_tokens: int
    num_accepted_tokens: int
    accepted_per_position: tuple[int, ...]


@dataclass(slots=True)
class StepCounters:
    """Of all steps so far; `step_seconds` include those of scheduling."""

    num_prefill_tokens: int = 0
    num_decode_tokens: int = 0
    num_steps: int = 0
    step_seconds: float = 0.0
    schedule_seconds: float = 0.0


def engine_stats(scheduler: Scheduler, steps: StepCounters, drafts: DraftCounters) -> EngineStats:
    """The numbers of this moment."""
    host = scheduler.host.counts if scheduler.host else HostCounts()
    return EngineStats(
        num_running=len(scheduler.running),
        num_waiting=len(scheduler.waiting),
        num_blocks=scheduler.pool.num_blocks - 1,
        num_blocks_held=scheduler.pool.num_held,
        num_blocks_named=scheduler.pool.num_named,
        num_host_blocks=host.num_blocks,
        num_spilled_blocks=host.num_spilled,
        num_restored_blocks=host.num_restored,
        num_prefix_queried_tokens=scheduler.num_queried_tokens,
        num_prefix_hit_tokens=scheduler.num_hit_tokens,
        num_prefill_tokens=steps.num_prefill_tokens,
        num_decode_tokens=steps.num_decode_tokens,
        num_preemptions=scheduler.num_preemptions,
        num_steps=steps.num_steps,
        step_seconds=steps.step_seconds,
        schedule_seconds=steps.schedule_seconds,
        num_drafts=drafts.num_drafts,
        num_draft_tokens=drafts.draft_tokens,
        num_accepted_tokens=drafts.accepted_tokens,
        accepted_per_position=tuple(drafts.accepted_tokens_per_pos),
    )
