"""What a guard says of a message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Action = Literal["allow", "log", "inform", "warn", "block"]
"""From mildest to strictest: nothing; a note for the staff; advice beside the answer; a warning beside it; withheld."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One judgement, the same whichever guard gave it.

    categories      canonical slug -> score in [0, 1], or None where the guard names a category without scoring it
    score           P(unsafe) in [0, 1]
    action          what the policy makes of it
    violated        the categories that led to that action, strongest first; empty if it is allowed
    guard_id        which guard, with its version
    is_degraded     a lesser guard judged, because the usual one was away
    is_unchecked    no guard decided, because the usual one was away; what another found decided nothing
    language        of the message, as an ISO 639-1 code, where the guard recognised it
    knows_language  whether the guard was made for that language
    reads_others    whether it reads something of those, too, that it was not made for
    """

    action: Action
    score: float
    categories: Mapping[str, float | None] = field(default_factory=lambda: MappingProxyType({}))
    violated: tuple[str, ...] = ()
    guard_id: str
    policy_version: str
    latency_ms: float
    is_degraded: bool = False
    is_unchecked: bool = False
    language: str = ""
    knows_language: bool = True
    reads_others: bool = False

    @property
    def blocks(self) -> bool:
        return self.action == "block"
