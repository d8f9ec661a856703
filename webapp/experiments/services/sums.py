"""What is kept of a metric: values of `assistant.experiments` that add up, and how they are written as JSON."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from assistant.experiments.bounded import NUM_STEPS, BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.funnels import Funnel
from assistant.experiments.moments import Moments
from assistant.experiments.quantiles import Histogram
from webapp.experiments.models import Metric

Sums = Moments | Count | BoundedCounts | Histogram


def type_for(metric: Metric) -> type[Sums]:
    """A mean that is capped at 1 is bounded, for which there is an exact method.

    The columns of moments are the number, for a ratio the one below the line, and both in the days before the exposure.
    """
    if metric.kind == Metric.Kind.FUNNEL:
        return Funnel
    if metric.kind in (Metric.Kind.BINARY, Metric.Kind.RETENTION):
        return Count
    if metric.kind == Metric.Kind.QUANTILE:
        return Histogram
    return BoundedCounts if metric.kind == Metric.Kind.MEAN and metric.cap == 1 else Moments


def add(parts: Sequence[Sums]) -> Sums:
    """The sum of all of them, of which there is at least one, and all of one type."""
    if isinstance(parts[0], Moments):
        return _add_moments([part for part in parts if isinstance(part, Moments)])
    total: Any = parts[0]
    for part in parts[1:]:
        total = total + part
    return cast(Sums, total)


def _add_moments(parts: Sequence[Moments]) -> Moments:
    """All at once, as a results page has thousands of them: within the parts, and between their means."""
    sizes = np.array([part.n for part in parts], dtype=float)
    n = int(sizes.sum())
    if not n:
        return parts[0]
    means = np.array([part.means for part in parts])
    total = sizes @ means / n
    gaps = means - total
    products = np.array([part.products for part in parts]).sum(axis=0) + (gaps * sizes[:, None]).T @ gaps
    return Moments(n=n, means=tuple(total.tolist()), products=tuple(tuple(row) for row in products.tolist()))


def to_json(sums: Sums) -> dict[str, Any]:
    match sums:
        case Moments():
            return {"kind": "moments", "n": sums.n, "means": sums.means, "products": sums.products}
        case Funnel():
            return {"kind": "funnel", "n": sums.n, "reached": sums.reached}
        case Count():
            return {"kind": "count", "n": sums.n, "yes": sums.yes}
        case BoundedCounts():
            return {"kind": "bounded", "counts": {str(i): num for i, num in enumerate(sums.counts) if num}}
        case Histogram():
            return {"kind": "histogram", "bins": {str(i): num for i, num in sums.bins.items()}}


def from_json(stored: Mapping[str, Any]) -> Sums:
    """Raises ValueError for what `to_json` did not write."""
    match stored:
        case {"kind": "moments", "n": n, "means": means, "products": products}:
            return Moments(n=n, means=tuple(means), products=tuple(tuple(row) for row in products))
        case {"kind": "count", "n": n, "yes": yes}:
            return Count(n=n, yes=yes)
        case {"kind": "funnel", "n": n, "reached": reached}:
            return Funnel.of(n, tuple(reached))
        case {"kind": "bounded", "counts": counts}:
            return BoundedCounts(counts=tuple(counts.get(str(i), 0) for i in range(NUM_STEPS + 1)))
        case {"kind": "histogram", "bins": bins}:
            return Histogram(bins=MappingProxyType({int(i): num for i, num in bins.items()}))
    raise ValueError("These are no sums.")
