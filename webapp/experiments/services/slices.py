"""The people of a phase by what is known of them: language, device, guest or not, new or not."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from django.db.models import Sum

from webapp.experiments.models import CohortStat, Metric, Phase
from webapp.experiments.services.rows import MIN_SHOWN
from webapp.experiments.services.snapshots import Where

Dimension = Literal["language", "device", "is_guest", "is_new"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)


@dataclass(frozen=True, slots=True)
class Slice:
    """Those whose `dimension` had this value at their exposure. An empty text: it is not known."""

    dimension: Dimension
    value: str | bool

    @property
    def where(self) -> Where:
        match self.dimension:
            case "language":
                return Where(language=str(self.value))
            case "device":
                return Where(device=str(self.value))
            case "is_guest":
                return Where(is_guest=bool(self.value))
        return Where(is_new=bool(self.value))


def too_small(phase: Phase, metric: Metric) -> frozenset[Slice]:
    """Those that are not shown: with too few people in an arm and, where these are still too few together, the next
    larger one of the dimension, without which they could be told from everybody and the others."""
    found, hidden = counted(phase, metric), set[Slice]()
    for dimension in DIMENSIONS:
        parts = sorted((each for each in found if each.dimension == dimension), key=lambda each: _least(found[each]))
        num_hidden: Counter[int] = Counter()
        for part in parts:
            if _least(found[part]) >= MIN_SHOWN and (not num_hidden or _least(num_hidden) >= MIN_SHOWN):
                break
            hidden.add(part)
            num_hidden.update(found[part])
    return frozenset(hidden)


def _least(counts: Mapping[int, int]) -> int:
    """The people of the smallest arm, of those that have any."""
    return min(counts.values())


def counted(phase: Phase, metric: Metric, *, until: date | None = None) -> Mapping[Slice, Mapping[int, int]]:
    """How many people each arm has in each slice, of those whose window of the metric has ended."""
    rows = CohortStat.objects.filter(phase=phase, metric=metric)
    if until is not None:
        rows = rows.filter(day__lte=until)
    found: defaultdict[Slice, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows.order_by().values("arm_id", *DIMENSIONS).annotate(num=Sum("n")):
        for dimension in DIMENSIONS:
            found[Slice(dimension, row[dimension])][row["arm_id"]] += row["num"]
    ordered = sorted(found, key=lambda each: (DIMENSIONS.index(each.dimension), -sum(found[each].values())))
    return {each: dict(found[each]) for each in ordered}
