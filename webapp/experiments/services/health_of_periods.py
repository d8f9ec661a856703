"""The health of an experiment whose shares changed: everything is looked at within each period."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from django.db.models import Sum

from assistant.experiments import bandit
from assistant.experiments.health import SRM_ALPHA, imbalance_p_value
from webapp.experiments.models import CohortStat, Metric, Phase
from webapp.experiments.services.comparing_periods import counted
from webapp.experiments.services.health import IMBALANCE_ALPHA, HealthFound, past_of
from webapp.experiments.services.shares import Part, Period, exposed_by_period, index_of
from webapp.experiments.services.slices import DIMENSIONS, Slice
from webapp.experiments.services.snapshots import ANYBODY, Exposed, Where


def check_health_of_periods(
    phase: Phase,
    periods: Sequence[Period],
    *,
    people: Mapping[int, Exposed],
    parts: Mapping[Metric, Sequence[Part]],
    base: int,
    until: date | None = None,
    where: Where = ANYBODY,
) -> HealthFound:
    """`people` exposed by arm, and the sums of each metric by period."""
    exposed = exposed_by_period(phase, periods, until=until, where=where)
    if not sum(each.n for each in people.values()):
        return HealthFound()
    arms = list(periods[0].weights)
    return HealthFound(
        overall=bandit.check_periods(
            [[each[arm] for arm in arms] for each in exposed],
            [[period.weights[arm] for arm in arms] for period in periods],
            in_several=sum(each.num_mixed for each in people.values()),
        ),
        slices=_mismatched(phase, periods, list(parts), until),
        imbalanced=_imbalanced(parts, base),
    )


def _mismatched(
    phase: Phase, periods: Sequence[Period], metrics: Sequence[Metric], until: date | None
) -> tuple[Slice, ...]:
    """By the metric with the shortest window, which has most people in it."""
    if not metrics:
        return ()
    rows = CohortStat.objects.filter(phase=phase, metric=min(metrics, key=lambda metric: metric.window_hours))
    rows = rows if until is None else rows.filter(day__lte=until)
    arms = list(periods[0].weights)
    found: defaultdict[Slice, list[dict[int, int]]] = defaultdict(lambda: [dict.fromkeys(arms, 0) for _ in periods])
    for row in rows.order_by().values("arm_id", "day", *DIMENSIONS).annotate(num=Sum("n")):
        for dimension in DIMENSIONS:
            if row["arm_id"] in arms:
                mine = found[Slice(dimension, row[dimension])][index_of(periods, row["day"])]
                mine[row["arm_id"]] += row["num"]
    level, planned = SRM_ALPHA / max(1, len(found)), [[period.weights[arm] for arm in arms] for period in periods]

    def p_value(counts: Sequence[Mapping[int, int]]) -> float:
        by_arm = [[each[arm] for arm in arms] for each in counts]
        return bandit.check_periods(by_arm, planned, in_several=0).srm_sequential_p_value

    return tuple(each for each, counts in found.items() if p_value(counts) < level)


def _imbalanced(parts: Mapping[Metric, Sequence[Part]], base: int) -> tuple[Metric, ...]:
    """By what people were like before they came, compared with those who came in the same period."""
    found, num_pairs = [], 0
    for metric, mine in parts.items():
        telling = list(counted(mine).values())
        arms = list(mine[0].weights)
        pasts = [[past_of(metric, part.sums[arm]) for arm in arms] for part in telling]
        known = [[past for past in period if past is not None] for period in pasts]
        if base not in arms or not known or any(len(period) < len(arms) for period in known):
            continue
        whole = dict(zip(arms, bandit.combined(known), strict=True))
        p_values = [imbalance_p_value(whole[base], whole[arm]) for arm in arms if arm != base]
        num_pairs += len(p_values)
        found.append((metric, min(p_values)))
    level = IMBALANCE_ALPHA / max(1, num_pairs)
    return tuple(metric for metric, p_value in found if p_value < level)
