"""Whether an experiment can be trusted at all: arms as large as planned, nobody in two of them, alike beforehand.

Sample ratio mismatch, always valid (Lindon and Malek 2022): E = Dirichlet-multinomial marginal / multinomial with the
planned shares, a martingale while people come in. Most mismatches are faults of assignment or logging, and no result of
such an experiment means anything.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assistant.experiments.counts import Count
from assistant.experiments.effects import compare
from assistant.experiments.estimates import Estimate
from assistant.experiments.intervals import AlwaysValid, Interval
from assistant.experiments.rare import wilson
from assistant.experiments.scientific import special, stats

SRM_ALPHA = 0.001
MULTIPLE_EXPOSURE_LIMIT = 0.01
CONCENTRATION = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """
    srm_p_value             of one look, chi-squared
    srm_sequential_p_value  right at every look; below `SRM_ALPHA` the experiment is unhealthy
    exposed_to_several      people seen in more than one arm, as a share
    """

    srm_p_value: float
    srm_sequential_p_value: float
    exposed_to_several: float
    of_exposed_to_several: Interval

    @property
    def has_mismatch(self) -> bool:
        return self.srm_sequential_p_value < SRM_ALPHA

    @property
    def is_mixed_up(self) -> bool:
        return self.of_exposed_to_several.low >= MULTIPLE_EXPOSURE_LIMIT

    @property
    def is_healthy(self) -> bool:
        return not (self.has_mismatch or self.is_mixed_up)


def check(counts: Sequence[int], weights: Sequence[float], *, in_several: int) -> Health:
    """`counts` people in arms planned with `weights`; `in_several` of them in more than one arm."""
    several = Count(n=max(sum(counts), in_several), yes=in_several)
    return Health(
        srm_p_value=srm_p_value(counts, weights),
        srm_sequential_p_value=srm_sequential_p_value(counts, weights),
        exposed_to_several=several.share if several.n else 0.0,
        of_exposed_to_several=wilson(several),
    )


def srm_p_value(counts: Sequence[int], weights: Sequence[float]) -> float:
    """Chi-squared. An arm of weight 0 is left out, of the degrees of freedom too; people in it are proof."""
    planned = _planned(weights)
    if any(count and not share for count, share in zip(counts, planned, strict=True)):
        return 0.0
    pairs = [(count, share) for count, share in zip(counts, planned, strict=True) if share]
    total = sum(counts)
    if not total or len(pairs) < 2:
        return 1.0
    statistic = sum((count - total * share) ** 2 / (total * share) for count, share in pairs)
    return float(stats.chi2.sf(statistic, len(pairs) - 1))


def srm_sequential_p_value(counts: Sequence[int], weights: Sequence[float]) -> float:
    """Right at every look: 1 over the evidence against the planned shares, at most 1."""
    log_e = srm_log_e_value(counts, weights)
    return math.exp(-log_e) if log_e > 0 else 1.0


def srm_log_e_value(counts: Sequence[int], weights: Sequence[float]) -> float:
    """Evidence against the planned shares, in natural logarithms; people in an arm of weight 0 are proof."""
    planned = _planned(weights)
    if any(count and not share for count, share in zip(counts, planned, strict=True)):
        return math.inf
    n = np.array([count for count, share in zip(counts, planned, strict=True) if share], dtype=float)
    shares = np.array([share for share in planned if share])
    prior = CONCENTRATION * shares
    log_marginal = float(
        special.gammaln(prior.sum())
        - special.gammaln(prior.sum() + n.sum())
        + (special.gammaln(prior + n) - special.gammaln(prior)).sum()
    )
    return log_marginal - float(special.xlogy(n, shares).sum())


def imbalance_p_value(control: Estimate, treatment: Estimate) -> float:
    """Of no difference in what people were like before the experiment, right at every look."""
    return compare(control, treatment, AlwaysValid()).p_value


def _planned(weights: Sequence[float]) -> list[float]:
    total = sum(weights)
    if total <= 0:
        raise ValueError("An experiment plans a positive weight for some arm.")
    return [weight / total for weight in weights]
