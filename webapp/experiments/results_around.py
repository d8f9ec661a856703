"""What stands around the table of results: when the figures are from, blind votes, the same by other methods."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Min
from django.utils.translation import gettext as _

from assistant.experiments.effects import Effect
from webapp.experiments import results_wording as wording
from webapp.experiments.models import CohortStat, Exposure
from webapp.experiments.services import blind_votes
from webapp.experiments.services.analysis import Analysis
from webapp.experiments.services.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindShown:
    """Blind votes on one arm against the base."""

    arm: str
    num: int
    num_preferred: int
    num_ties: int
    chance: str
    share: str
    low: str
    high: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    name: str
    change: str
    interval: str
    chance: str
    holds: str


def updated_at(analysis: Analysis) -> datetime | None:
    return CohortStat.objects.filter(phase=analysis.phase).aggregate(at=Max("computed_at"))["at"]


def first_figures_at(analysis: Analysis) -> tuple[int, datetime] | None:
    """The hours of the shortest window, and when it ends for whoever came first; None while nobody has come,
    and where the phase was over by then."""
    first = Exposure.objects.filter(phase=analysis.phase, is_forced=False).aggregate(at=Min("at"))["at"]
    hours = analysis.experiment.metrics.aggregate(hours=Min("metric__window_hours"))["hours"]
    if not first or not hours or analysis.phase is None:
        return None
    at, ended = first + timedelta(hours=hours), analysis.phase.ended_at
    return None if ended and ended < at else (hours, at)


def blind_shown(analysis: Analysis) -> list[BlindShown]:
    """Of each arm that somebody compared with the base without knowing which was which."""
    if analysis.base is None:
        return []
    others = [each.arm for each in analysis.arms if each.arm != analysis.base]
    found = [(arm, votes) for arm in others if (votes := blind_votes.between(analysis.base, arm))]
    return [
        BlindShown(
            arm=arm.name,
            num=votes.num,
            num_preferred=votes.num_preferred,
            num_ties=votes.num_ties,
            chance=wording.chance(votes.preference.chance),
            share=wording.number(votes.preference.share, "share"),
            low=wording.number(votes.preference.of_share.low, "share"),
            high=wording.number(votes.preference.of_share.high, "share"),
        )
        for arm, votes in found
    ]


def methods_of(row: Row) -> Sequence[Method]:
    """The always-valid one decides; the others are for those who ask."""
    methods = [
        _method(_("Always valid"), row.effect, row, holds=_("on all days at once")),
        _method(_("One look"), row.one_look, row, holds=_("on one day chosen beforehand")),
    ]
    if row.posterior is None:
        return methods
    sign = 1 if row.metric.is_better_up else -1
    ends = sorted((sign * row.posterior.interval.low, sign * row.posterior.interval.high))
    unit = row.metric.unit
    low, high = (wording.change(end, unit, is_relative=False) for end in ends)
    bayes = Method(
        name=_("Bayesian, flat prior"),
        change=wording.change(sign * row.posterior.mean, unit, is_relative=False),
        interval=wording.between(low, high),
        chance=_("%(chance)s to be better") % {"chance": wording.chance(row.posterior.chance_to_win)},
        holds=_("as a belief; decides nothing here"),
    )
    return [*methods, bayes]


def _method(name: str, effect: Effect, row: Row, *, holds: str) -> Method:
    unit = row.metric.unit
    return Method(
        name=name,
        change=wording.change(effect.difference, unit, is_relative=False),
        interval=wording.interval_words(
            effect.of_difference, unit, is_relative=False, is_alike=effect.is_without_variance
        ),
        chance=f"p {wording.p_value(effect.p_value)}" if math.isfinite(effect.p_value) else "–",
        holds=holds,
    )
