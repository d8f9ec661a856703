"""What a guard says of a message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Action = Literal["allow", "warn", "block"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One judgement, the same whichever guard gave it.

    categories     canonical slug -> score in [0, 1], or None where the guard names a category without scoring it
    score          P(unsafe) in [0, 1]
    action         what the policy makes of it
    violated       the categories that led to that action, strongest first; empty if it is allowed
    guard_id       which guard, with its version
    """

    action: Action
    score: float
    categories: Mapping[str, float | None] = field(default_factory=lambda: MappingProxyType({}))
    violated: tuple[str, ...] = ()
    guard_id: str
    policy_version: str
    latency_ms: float

    @property
    def blocks(self) -> bool:
        return self.action == "block"
