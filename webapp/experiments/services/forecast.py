"""What an experiment can expect, from what was lately: whom it reaches, and how long it has to run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils import timezone

from assistant.experiments.power import Plan, days_with_daily_looks, smallest_effect
from webapp.accounts.models import User
from webapp.experiments.models import Experiment, ExperimentMetric, Holdout, Metric
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.services.history import history
from webapp.experiments.services.rows import level_of

LOOKED_BACK_DAYS = 28
LONGEST_DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """
    num_active  people who came in the last four weeks
    num_meant   those of them whom it is meant for
    kinds       what they are: kind, value, number
    """

    num_active: int
    num_meant: int
    kinds: Sequence[tuple[str, str, int]]

    @property
    def share(self) -> float:
        return self.num_meant / self.num_active if self.num_active else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """
    per_day   people with a value of the metric that come into the experiment on a day
    mean      of the metric, lately
    days      until the margin, if it is there, is found with a chance of four in five by daily looks; None: over a year
    smallest  difference that is found like this in the planned days, absolute; None: too few people
    """

    metric: Metric
    role: str
    per_day: float
    mean: float
    days: int | None
    smallest: float | None

    @property
    def smallest_relative(self) -> float | None:
        return self.smallest / abs(self.mean) if self.smallest is not None and self.mean else None


def reach(experiment: Experiment) -> Reach:
    """By what is known of people today, as the conditions are met or not when they come."""
    everybody = User.objects.filter(
        is_active=True, seen_on__gte=timezone.now().date() - timedelta(days=LOOKED_BACK_DAYS)
    ).annotate(reads=Coalesce(NullIf("preferences__language", Value("")), NullIf("language", Value("")), _SITE))
    meant = everybody.filter(_condition(experiment)).distinct()
    return Reach(num_active=everybody.count(), num_meant=meant.count(), kinds=_kinds(meant))


def forecasts(experiment: Experiment, reached: Reach) -> Sequence[Forecast]:
    """One for each goal and guardrail of which something is known."""
    share = reached.share * experiment.traffic / SLOTS * (1 - _held_out() / SLOTS)
    plan = list(experiment.metrics.select_related("metric").exclude(role=ExperimentMetric.Role.SECONDARY))
    weights = sorted(experiment.arms.filter(is_control=False).values_list("weight", flat=True))
    control = experiment.arms.filter(is_control=True).values_list("weight", flat=True).first()
    if control is None or not weights:
        return []
    num_goals = sum(each.role == ExperimentMetric.Role.GOAL for each in plan)
    found = []
    for each in plan:
        level = level_of(each.role, experiment.alpha, num_goals=num_goals, num_arms=len(weights))
        forecast = _forecast(each, experiment, share, control, weights, level)
        if forecast is not None:
            found.append(forecast)
    return found


_SITE = Value(settings.LANGUAGE_CODE)


def _condition(experiment: Experiment) -> Q:
    condition = Q()
    match experiment.audience:
        case Experiment.Audience.GUESTS:
            condition &= Q(is_guest=True)
        case Experiment.Audience.MEMBERS:
            condition &= Q(is_guest=False)
        case Experiment.Audience.NEW:
            condition &= Q(date_joined__gte=timezone.now() - timedelta(days=LOOKED_BACK_DAYS))
    if experiment.devices:
        condition &= Q(device__in=experiment.devices)
    if experiment.languages:
        condition &= Q(reads__in=experiment.languages)
    segments = list(experiment.segments.all())
    return condition & Q(segments__in=segments) if segments else condition


def _kinds(people: QuerySet[User]) -> Sequence[tuple[str, str, int]]:
    kinds: list[tuple[str, str, int]] = []
    for kind in ("reads", "device", "is_guest"):
        rows = people.order_by().values_list(kind).annotate(num=Count("pk", distinct=True)).order_by("-num", F(kind))
        kinds.extend((kind, str(value), num) for value, num in rows)
    return kinds


def _held_out() -> int:
    return Holdout.objects.filter(is_open=True).values_list("share", flat=True).first() or 0


def _forecast(
    each: ExperimentMetric, experiment: Experiment, share: float, control: int, weights: Sequence[int], level: float
) -> Forecast | None:
    """Of the control and the smallest of the arms, which is what has to be waited for."""
    past = history(each.metric, days=LOOKED_BACK_DAYS)
    if past is None or not past.deviation:
        return None
    per_day, smallest_arm = past.people_per_day * share, weights[0]
    difference = each.margin if each.metric.is_rare else each.margin * abs(past.mean)
    plan = Plan(
        deviation=past.deviation,
        difference=difference,
        per_day=per_day * (control + smallest_arm) / (control + sum(weights)),
        share=smallest_arm / (control + smallest_arm),
        alpha=level,
    )
    return Forecast(
        metric=each.metric,
        role=each.role,
        per_day=per_day,
        mean=past.mean,
        days=days_with_daily_looks(plan, longest_days=LONGEST_DAYS) if plan.per_day and difference else None,
        smallest=_smallest(plan, experiment.planned_days),
    )


def _smallest(plan: Plan, days: int) -> float | None:
    if plan.per_day * days < 2:
        return None
    try:
        return smallest_effect(replace(plan, difference=plan.deviation), days)
    except ValueError:  # no effect that could be is found with so few people
        return None
