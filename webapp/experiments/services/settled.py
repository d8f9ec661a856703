"""Days up to which the figures of a phase stay as they are: a link to one of them shows the same for good.

The windows of all metrics are over for whoever came by then, and what comes late was waited for. From one such day to
the next at least twenty people came to each arm, as after the last one: else the difference of two links would tell of
each of them.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, Q, Sum
from django.utils import timezone

from webapp.experiments.models import CohortStat, ExperimentMetric, Phase
from webapp.experiments.services.rows import MIN_SHOWN
from webapp.experiments.services.snapshots import LATE

DAY = timedelta(days=1)


def settled_days(phase: Phase, *, now: datetime | None = None) -> Sequence[date]:
    """In their order; those that follow do not change what was among them before."""
    plan = ExperimentMetric.objects.filter(experiment=phase.experiment)
    windows = dict(plan.values_list("metric_id", "metric__window_hours"))
    arms = phase.allocations.filter(weight__gt=0).values_list("arm_id", flat=True)
    groups = [(metric_id, arm_id) for metric_id in windows for arm_id in arms]
    if not groups:
        return []
    over = (now or timezone.now()) - timedelta(hours=max(windows.values())) - LATE - DAY
    days, since, found = _people(phase), dict.fromkeys(groups, 0), []
    for day, (nums, is_open) in days.items():
        if is_open or datetime(day.year, day.month, day.day, tzinfo=UTC) > over:
            break
        since = {group: num + nums.get(group, 0) for group, num in since.items()}
        if min(since.values()) >= MIN_SHOWN:
            found.append(day)
            since = dict.fromkeys(groups, 0)
    while found and not _has_enough_after(days, found[-1], groups):
        found.pop()
    return found


def _people(phase: Phase) -> dict[date, tuple[dict[tuple[int, int], int], bool]]:
    """By day of exposure: how many people are in the sums of each metric and arm, and whether any may still change."""
    rows = CohortStat.objects.filter(phase=phase).order_by("day").values("day", "metric_id", "arm_id")
    nums: defaultdict[date, dict[tuple[int, int], int]] = defaultdict(dict)
    is_open: defaultdict[date, bool] = defaultdict(bool)
    for row in rows.annotate(num=Sum("n"), num_open=Count("pk", filter=Q(is_final=False))):
        nums[row["day"]][row["metric_id"], row["arm_id"]] = row["num"]
        is_open[row["day"]] |= row["num_open"] > 0
    return {day: (nums[day], is_open[day]) for day in nums}


def _has_enough_after(
    days: dict[date, tuple[dict[tuple[int, int], int], bool]], last: date, groups: Sequence[tuple[int, int]]
) -> bool:
    """Or nobody at all: then there is no difference."""
    rest = [sum(nums.get(group, 0) for day, (nums, _open) in days.items() if day > last) for group in groups]
    return all(num == 0 or num >= MIN_SHOWN for num in rest)
