"""What a moderator looks at first.

    priority = evidence x history x voices x 2 ** (age / DOUBLES_IN)

    evidence   the strongest flag of a guard: P(unsafe) x the weight of its category; a case that only people pointed
               at stands on `PRIOR` instead
    history    1 + 0.25 for each rule the person has broken lately, up to eight of them
    voices     1 + 0.5 for each report, up to four, + 1 if somebody appeals and waits for an answer
    age        doubles every three days, so nothing waits for ever behind what is worse

All cases grow at the same rate, so their order never changes by itself. What is stored is the rank: the logarithm of
the priority at one fixed moment. It is set when a case changes, and no job has to keep it fresh.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal

Source = Literal["guard_input", "guard_output", "report", "shared", "appeal"]

DOUBLES_IN = timedelta(days=3)
PRIOR = 0.3
PER_STRIKE, MAX_STRIKES = 0.25, 8
PER_REPORT, MAX_REPORTS = 0.5, 4
PER_APPEAL = 1.0
LEAST = 0.01  # a score of nought has no logarithm
FIXED_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "child_exploitation": 3.0,
        "indiscriminate_weapons": 3.0,
        "self_harm": 2.5,
        "violent_crimes": 2.0,
        "sex_crimes": 2.0,
        "hate": 1.5,
        "privacy": 1.2,
        "specialized_advice": 0.5,
    }
)
"""How much a category matters beside the others, which weigh 1: what can cost a life comes first."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One flag, as far as it counts here. `category` may be empty."""

    source: Source
    category: str
    score: float

    @property
    def evidence(self) -> float:
        certainty = self.score if self.source.startswith("guard") else PRIOR
        return certainty * WEIGHTS.get(self.category, 1.0)


def rank(signals: Iterable[Signal], *, num_strikes: int, opened_at: datetime) -> float:
    """What `Case.score` holds: greater is looked at first. `priority_at` makes it readable."""
    signals = tuple(signals)
    num_reports = sum(signal.source in ("report", "shared") for signal in signals)
    has_appeal = any(signal.source == "appeal" for signal in signals)
    evidence = max((signal.evidence for signal in signals), default=0.0)
    history = 1 + PER_STRIKE * min(num_strikes, MAX_STRIKES)
    voices = 1 + PER_REPORT * min(num_reports, MAX_REPORTS) + PER_APPEAL * has_appeal
    return math.log2(max(evidence, LEAST) * history * voices) - _doublings(opened_at)


def strongest(signals: Iterable[Signal]) -> str:
    """The category of the strongest signal that names one, or an empty string."""
    named = [signal for signal in signals if signal.category]
    return max(named, key=lambda signal: signal.evidence).category if named else ""


def priority_at(rank: float, now: datetime) -> float:
    """The priority of a case now: about 1 for a fresh, certain finding of ordinary weight."""
    return float(2 ** min(rank + _doublings(now), 64.0))


def rank_at(priority: float, now: datetime) -> float:
    """The rank of a case that has this priority now."""
    return math.log2(max(priority, LEAST)) - _doublings(now)


def _doublings(moment: datetime) -> float:
    return (moment - FIXED_MOMENT) / DOUBLES_IN
