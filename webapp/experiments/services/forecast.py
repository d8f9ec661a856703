"""What an experiment can expect, from what was lately: whom it reaches, and how long it has to run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils import timezone

from assistant.experiments.power import Plan, looks_needed, smallest_effect
from webapp.accounts.models import User
from webapp.experiments.models import Experiment, ExperimentMetric, Holdout, Metric
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.services.arrivals import Arrivals, counted_by_day, openings
from webapp.experiments.services.comparing import among_alike, barriers_for
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
    mean        of the metric, lately
    num_people  with a value of it, whose time is over by the end of the planned days, in all arms
    days        until the margin, if it is there, is found with a chance of four in five by daily looks; None: over a
                year
    smallest    difference that is found like this in the planned days, absolute; None: too few people
    """

    metric: Metric
    mean: float
    num_people: float
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
    """One for each goal of which something is known."""
    share = reached.share * experiment.traffic / SLOTS * (1 - _held_out() / SLOTS)
    goals = list(experiment.metrics.select_related("metric").filter(role=ExperimentMetric.Role.GOAL))
    weights = sorted(experiment.arms.filter(is_control=False).values_list("weight", flat=True))
    control = experiment.arms.filter(is_control=True).values_list("weight", flat=True).first()
    if control is None or not weights:
        return []
    level = level_of(ExperimentMetric.Role.GOAL, experiment.alpha, num_goals=len(goals), num_arms=len(weights))
    found = (_forecast(goal, experiment, share, control, weights, level) for goal in goals)
    return [forecast for forecast in found if forecast is not None]


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
    goal: ExperimentMetric, experiment: Experiment, share: float, control: int, weights: Sequence[int], level: float
) -> Forecast | None:
    """Of the control and the smallest of the arms, which is what has to be waited for."""
    metric, smallest_arm = goal.metric, weights[0]
    past = history(metric, days=LOOKED_BACK_DAYS)
    share_of_arm = smallest_arm / (control + smallest_arm)
    barriers = barriers_for(metric, past.sums, share=share_of_arm) if past else None
    if past is None or barriers is None:
        return None
    counted = [share * num for num in _counted_by_day(experiment, metric, past.arrivals)]
    compared = [num * (control + smallest_arm) / (control + sum(weights)) for num in counted]
    planned = compared[: experiment.planned_days]
    if not experiment.is_bandit:  # whose periods are compared by themselves
        barriers = among_alike(barriers, metric, past.strata, num=planned[-1], share=share_of_arm)
    worth = goal.margin if metric.is_rare else goal.margin * abs(past.mean)
    plan = Plan(barriers=barriers, difference=worth if metric.is_better_up else -worth, alpha=level)
    return Forecast(
        metric=metric,
        mean=past.mean,
        num_people=counted[len(planned) - 1],
        days=looks_needed(plan, compared) if worth else None,
        smallest=smallest_effect(plan, planned),
    )


def _counted_by_day(experiment: Experiment, metric: Metric, arrivals: Arrivals) -> list[float]:
    """Those who come after the start have not been seen before, so no day brings more of them than another."""
    if experiment.audience == Experiment.Audience.NEW:
        arrivals = Arrivals((0.0, arrivals.day[-1]), (0.0, arrivals.num[-1]))
    steps = list(experiment.ramp.order_by("number").values_list("slots", "hours"))
    opened = openings(steps, experiment.traffic)
    return counted_by_day(arrivals, opened, window_hours=metric.window_hours, num_days=LONGEST_DAYS)
