"""Yes-or-no metrics, exactly: harm reports, guard blocks, thumbs. An arm without a single event has a finite interval.

Fixed sample size: Newcombe's hybrid score interval (1998, method 10) and Fisher's exact test. Always valid: betting.
"""

import math
from functools import cache

import numpy as np

from assistant.experiments.betting import Bets, Tally
from assistant.experiments.counts import Count
from assistant.experiments.effects import Effect
from assistant.experiments.intervals import Interval
from assistant.experiments.scientific import stats


def wilson(count: Count, *, alpha: float = 0.05) -> Interval:
    """The score interval of one share, at a fixed sample size."""
    if not count.n:
        return Interval(low=0.0, high=1.0)
    z, n, share = _z(alpha), count.n, count.share
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(low=max(0.0, centre - half), high=min(1.0, centre + half))


def newcombe(control: Count, treatment: Count, *, alpha: float = 0.05) -> Interval:
    """The difference of two shares, from the score intervals of both."""
    if not (control.n and treatment.n):
        return Interval(low=-1.0, high=1.0)
    mine, theirs = wilson(treatment, alpha=alpha), wilson(control, alpha=alpha)
    difference = treatment.share - control.share
    below = math.hypot(treatment.share - mine.low, theirs.high - control.share)
    above = math.hypot(mine.high - treatment.share, control.share - theirs.low)
    return Interval(low=difference - below, high=difference + above)


def fixed_horizon(control: Count, treatment: Count, *, share: float = 0.5, alpha: float = 0.05) -> Effect:
    """For one look at a sample size fixed beforehand. The lift's interval is the always-valid one, which is wider."""
    return Effect(
        difference=treatment.share - control.share,
        of_difference=newcombe(control, treatment, alpha=alpha),
        lift=_lift(control, treatment),
        of_lift=_bets(control, treatment, share, 0.0).lift(alpha),
        p_value=float(stats.fisher_exact([[treatment.yes, treatment.no], [control.yes, control.no]]).pvalue),
        n=control.n + treatment.n,
    )


def always_valid(
    control: Count, treatment: Count, *, share: float = 0.5, centre: float = 0.0, alpha: float = 0.05
) -> Effect:
    """Right at every look. `share` is what was planned for the treatment, of both; `centre` the usual share of yes, 0
    where yes is rare. The lift has no upper end while the control has too few events."""
    bets = _bets(control, treatment, share, centre)
    return Effect(
        difference=treatment.share - control.share,
        of_difference=bets.difference(alpha),
        lift=_lift(control, treatment),
        of_lift=bets.lift(alpha),
        p_value=min(1.0, math.exp(-max(0.0, float(bets.log_e_value())))),
        n=control.n + treatment.n,
    )


@cache
def _z(alpha: float) -> float:
    return float(stats.norm.isf(alpha / 2))


def _bets(control: Count, treatment: Count, share: float, centre: float) -> Bets:
    return Bets(control=_tally(control), treatment=_tally(treatment), share=share, centre=centre)


def _tally(count: Count) -> Tally:
    return Tally(values=np.array([0.0, 1.0]), counts=np.array([count.no, count.yes], dtype=float))


def _lift(control: Count, treatment: Count) -> float:
    return treatment.share / control.share - 1 if control.yes else math.nan
