"""Bandits: once a day the people who are to come are shifted towards the arm that does better.

No new phase begins, as then everybody would be drawn anew and no window of some days would ever end within one. The
phase goes on with other shares from the next midnight (UTC) on: whoever has an arm keeps it, by their exposure, and
those who come are drawn by the shares of their day. So the days of exposure say by which shares people were drawn, and
the sums are kept by these days.
"""

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Max

from assistant.experiments import bandit
from webapp.experiments.models import CohortStat, Experiment, ExperimentMetric, Metric, Phase, Share
from webapp.experiments.services import life, running_experiments
from webapp.experiments.services.comparing import size_of
from webapp.experiments.services.comparing_periods import estimates_by_period
from webapp.experiments.services.shares import Period, exposed_by_period, parts_of, periods_of, sums_by_day

DAY = timedelta(days=1)
PER_CENT = 100


def shift(experiment: Experiment, now: datetime) -> bool:
    """Decide on the shares of tomorrow, if there is something new to decide by. Twice decides nothing else.

    Each arm needs people whose time is over, `MIN_MEASURED` in all, and some in the present period, which goes on
    until then; and the figures have to be of today.
    """
    phase = experiment.phases.filter(ended_at=None).first()
    goal = goal_of(experiment)
    if not experiment.is_bandit or phase is None or goal is None:
        return False
    periods = periods_of(phase)
    first_day = now.astimezone(UTC).date() + DAY
    if periods[-1].first_day >= first_day or not _is_new(phase, goal, now):
        return False
    newest = exposed_by_period(phase, periods)[-1]
    if min(newest.get(arm, 0) for arm in periods[0].weights) < bandit.MIN_IN_PERIOD:
        return False
    chances = _chances(phase, goal, periods, seed=f"{phase.salt}:{first_day}")
    if not chances:
        return False
    weights = bandit.shares(list(chances.values()), floor=experiment.floor / PER_CENT)
    keys = dict(experiment.arms.values_list("pk", "key"))
    with transaction.atomic():
        life.locked(experiment, Experiment.State.RUNNING)
        if phase.shares.filter(first_day=first_day).exists():
            return False
        Share.objects.bulk_create(
            Share(phase=phase, arm_id=arm, first_day=first_day, weight=weight, chance=chances[arm])
            for arm, weight in zip(chances, weights, strict=True)
        )
        said = {keys[arm]: weight for arm, weight in zip(chances, weights, strict=True)}
        life.note(experiment, "shift", by=None, details={"weights": said, "from": str(first_day)})
        running_experiments.forget()
    return True


def goal_of(experiment: Experiment) -> Metric | None:
    """The one that decides; None where there are several or none, or it has no mean."""
    goals = Metric.objects.filter(experiments__experiment=experiment, experiments__role=ExperimentMetric.Role.GOAL)
    found = list(goals.exclude(kind=Metric.Kind.QUANTILE)[:2])
    return found[0] if len(found) == 1 and goals.count() == 1 else None


def _is_new(phase: Phase, goal: Metric, now: datetime) -> bool:
    """Whether the goal was measured today: then as good as all of yesterday is in it, too."""
    stats = CohortStat.objects.filter(phase=phase, metric=goal)
    at = stats.aggregate(at=Max("computed_at"))["at"]
    return at is not None and at.astimezone(UTC).date() >= now.astimezone(UTC).date()


def _chances(phase: Phase, goal: Metric, periods: tuple[Period, ...], *, seed: str) -> dict[int, float]:
    """Of each arm to be the best; none while too few are measured, or nobody differs from anybody."""
    parts = parts_of(periods, sums_by_day(phase, goal))
    arms = list(periods[0].weights)
    measured = [sum(size_of(part.sums[arm]) for part in parts if arm in part.sums) for arm in arms]
    estimates = estimates_by_period(goal, parts)
    if min(measured) < bandit.MIN_MEASURED or not estimates:
        return {}
    whole = bandit.combined(estimates)
    if not all(each.is_usable and each.variance > 0 for each in whole):
        return {}
    chances = bandit.chances_to_be_best(whole, is_better_up=goal.is_better_up, seed=seed)
    return dict(zip(arms, chances, strict=True))
