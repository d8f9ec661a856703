"""The same effect seen the Bayesian way: how probable it is that the treatment is better, and what is lost if not.

Normal likelihood of the effect; the prior is flat, or normal. Peeking does not change what a posterior says, but it
does change how often somebody who ships at "95%" is wrong: decisions are made with the always-valid intervals.
"""

import math
from dataclasses import dataclass

from assistant.experiments.intervals import Interval
from assistant.experiments.scientific import stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Normal, in the unit of the effect. An infinite deviation is flat."""

    mean: float = 0.0
    deviation: float = math.inf


FLAT = Prior()


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """
    chance_to_win       probability that the effect is positive
    risk_of_shipping    expected loss if the treatment is shipped, in the unit of the effect
    risk_of_keeping     expected loss if the control is kept
    """

    mean: float
    deviation: float
    interval: Interval
    chance_to_win: float
    risk_of_shipping: float
    risk_of_keeping: float


def posterior(effect: float, standard_error: float, prior: Prior = FLAT, *, alpha: float = 0.05) -> Posterior:
    """Raises ValueError if the standard error is not positive."""
    if not standard_error > 0:
        raise ValueError("A posterior needs a positive standard error.")
    precision = 1 / standard_error**2
    prior_precision = 0.0 if math.isinf(prior.deviation) else 1 / prior.deviation**2
    deviation = math.sqrt(1 / (precision + prior_precision))
    mean = (effect * precision + prior.mean * prior_precision) * deviation**2
    half = float(stats.norm.isf(alpha / 2)) * deviation
    z = mean / deviation
    density = float(stats.norm.pdf(z))
    return Posterior(
        mean=mean,
        deviation=deviation,
        interval=Interval(low=mean - half, high=mean + half),
        chance_to_win=float(stats.norm.cdf(z)),
        risk_of_shipping=deviation * (density - z * float(stats.norm.sf(z))),
        risk_of_keeping=deviation * (density + z * float(stats.norm.cdf(z))),
    )
