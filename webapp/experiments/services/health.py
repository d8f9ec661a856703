"""Whether the figures of an experiment mean anything: arms as large as planned, in every part of the people; nobody in
two of them; and alike before they began."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from assistant.experiments.estimates import Estimate, Kind, estimate
from assistant.experiments.health import SRM_ALPHA, Health, check, imbalance_p_value, srm_sequential_p_value
from assistant.experiments.moments import Moments
from webapp.experiments.models import Metric, Phase
from webapp.experiments.services.slices import Slice, counted
from webapp.experiments.services.snapshots import Exposed
from webapp.experiments.services.sums import Sums

IMBALANCE_ALPHA = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric with what it comes to, by arm."""

    metric: Metric
    sums: Mapping[int, Sums]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFound:
    """
    overall     None while nobody has been in it
    slices      parts of the people in which the arms are not as large as planned
    imbalanced  metrics that differed before the experiment began: chance, or people who were not drawn

    The last two are reasons to look closer. Only `overall` makes an experiment unhealthy.
    """

    overall: Health | None = None
    slices: tuple[Slice, ...] = ()
    imbalanced: tuple[Metric, ...] = ()

    @property
    def is_healthy(self) -> bool:
        return self.overall is None or self.overall.is_healthy


def check_health(
    phase: Phase,
    *,
    people: Mapping[int, Exposed],
    weights: Mapping[int, int],
    sums: Sequence[Measured],
    base: int,
    until: date | None = None,
) -> HealthFound:
    """`people` exposed by arm, the planned `weights` by arm, and the metrics as they are."""
    counts = [people[arm].n if arm in people else 0 for arm in weights]
    if not sum(counts):
        return HealthFound()
    return HealthFound(
        overall=check(counts, list(weights.values()), in_several=sum(each.num_mixed for each in people.values())),
        slices=_mismatched(phase, weights, sums, until),
        imbalanced=_imbalanced(sums, weights, base),
    )


def _mismatched(
    phase: Phase, weights: Mapping[int, int], sums: Sequence[Measured], until: date | None
) -> tuple[Slice, ...]:
    """By the metric with the shortest window, which has most people in it."""
    if not sums:
        return ()
    found = counted(phase, min((each.metric for each in sums), key=lambda metric: metric.window_hours), until=until)
    level = SRM_ALPHA / max(1, len(found))
    return tuple(
        each
        for each, counts in found.items()
        if srm_sequential_p_value([counts.get(arm, 0) for arm in weights], list(weights.values())) < level
    )


def _imbalanced(sums: Sequence[Measured], weights: Mapping[int, int], base: int) -> tuple[Metric, ...]:
    pairs = [
        (each.metric, past_of(each.metric, before), past_of(each.metric, after))
        for each in sums
        for arm, after in each.sums.items()
        if arm != base and arm in weights and (before := each.sums.get(base)) is not None
    ]
    level = IMBALANCE_ALPHA / max(1, len(pairs))
    found = [metric for metric, before, after in pairs if before and after and imbalance_p_value(before, after) < level]
    return tuple({metric.pk: metric for metric in found}.values())


def past_of(metric: Metric, sums: Sums) -> Estimate | None:
    """The same metric in the days before the exposure, where it is kept."""
    if not isinstance(sums, Moments):
        return None
    half = len(sums.means) // 2
    past = Moments(n=sums.n, means=sums.means[half:], products=tuple(row[half:] for row in sums.products[half:]))
    kind: Kind = "ratio" if metric.kind == Metric.Kind.RATIO else "mean"
    return estimate(past, kind)
