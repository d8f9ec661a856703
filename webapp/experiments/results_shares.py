"""How the shares of a bandit moved, and what they moved by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from webapp.experiments import results_wording as wording
from webapp.experiments.services.analysis import Analysis
from webapp.experiments.services.shares import exposed_by_period


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareShown:
    """Of an arm in a period: its share in per cent, the people who came, and what chance it had then to be the best."""

    share: float
    num_people: int
    chance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodShown:
    first_day: date
    arms: tuple[ShareShown, ...]


def shares_shown(analysis: Analysis) -> Sequence[PeriodShown]:
    """Of each period that has begun, the newest first, the arms as in the analysis; none where shares are fixed."""
    if analysis.phase is None or not analysis.periods:
        return []
    exposed = exposed_by_period(analysis.phase, analysis.periods)
    arms = [each.arm.pk for each in analysis.arms]
    return [
        PeriodShown(
            first_day=period.first_day,
            arms=tuple(
                ShareShown(
                    share=100 * period.weights[arm] / sum(period.weights.values()),
                    num_people=people[arm],
                    chance=wording.chance(period.chances[arm]) if period.chances else "",
                )
                for arm in arms
            ),
        )
        for period, people in reversed(list(zip(analysis.periods, exposed, strict=True)))
    ]
