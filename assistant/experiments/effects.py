"""How much better one arm is than another: as a difference, and as a share of the control's value (lift).

The lift's interval is Fieller's: the set of lifts r for which treatment - (1 + r) control is not surprising. It is
right where the control is noisy, which the usual delta method is not; where the control cannot be told from 0 it has
no end, and the difference has to do.
"""

import math
from dataclasses import dataclass

from assistant.experiments.estimates import Estimate
from assistant.experiments.intervals import EVERYTHING, Interval, Surprise


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """
    difference, lift            the point estimates; lift is not a number where the control is 0
    of_difference, of_lift      their intervals at the level asked for
    p_value                     of no difference
    n                           units of both arms
    standard_error              of the difference; not a number where the method has none, 0 where within both arms
                                everybody is alike
    """

    difference: float
    of_difference: Interval
    lift: float
    of_lift: Interval
    p_value: float
    n: int
    standard_error: float = math.nan

    @property
    def is_without_variance(self) -> bool:
        """Nobody differs from the others of their arm, so nothing is known of how much people differ."""
        return self.standard_error == 0


def compare(control: Estimate, treatment: Estimate, surprise: Surprise, *, alpha: float = 0.05) -> Effect:
    """The effect of the treatment. With nothing to go by, intervals are endless and the p-value is 1.

    The lift divides by the control as it is, not as CUPED has it: that is the number people know.
    """
    n, base = control.n + treatment.n, control.value
    difference = treatment.adjusted - control.adjusted
    lift = difference / abs(base) if base else math.nan
    if not (control.is_usable and treatment.is_usable):
        return _unknown(difference, lift, n)
    variance = control.variance + treatment.variance
    if variance <= 0:
        return _unknown(difference, lift, n, standard_error=0.0)
    error = math.sqrt(variance)
    df = satterthwaite(control, treatment)
    width = surprise.width(alpha, n=n, df=df)
    return Effect(
        difference=difference,
        of_difference=Interval(low=difference - width * error, high=difference + width * error),
        lift=lift,
        of_lift=fieller(control, treatment, width),
        p_value=surprise.p_value(difference / error, n=n, df=df),
        n=n,
        standard_error=error,
    )


def satterthwaite(control: Estimate, treatment: Estimate) -> float:
    """Degrees of freedom of Welch's t."""
    total = control.variance + treatment.variance
    if not total > 0:
        return 0.0
    part = control.variance / total
    return 1 / (part**2 / (control.n - 1) + (1 - part) ** 2 / (treatment.n - 1))


def fieller(control: Estimate, treatment: Estimate, width: float) -> Interval:
    """`lift_interval` of two arms. With CUPED the difference is the adjusted one and the control is as it is, with the
    noise that was taken from it."""
    return lift_interval(
        treatment.adjusted - control.adjusted,
        control.value,
        control.variance + treatment.variance,
        control.variance + control.past_variance + 2 * control.past_covariance,
        -(control.variance + control.past_covariance),
        width,
    )


def lift_interval(
    difference: float, base: float, variance: float, base_variance: float, covariance: float, width: float
) -> Interval:
    """All lifts r with |difference - r base| <= width * standard error of that (Fieller). Endless if 0 cannot be ruled
    out for the base. `covariance` of the difference and the base."""
    if not math.isfinite(width) or base == 0:
        return EVERYTHING
    square = width * width
    a = base * base - square * base_variance
    if a <= 0:
        return EVERYTHING
    half_b, c = base * difference - square * covariance, difference * difference - square * variance
    root = math.sqrt(max(0.0, half_b * half_b - a * c))
    sign = math.copysign(1.0, base)
    ends = sorted((sign * (half_b - root) / a, sign * (half_b + root) / a))
    return Interval(low=ends[0], high=ends[1])


def _unknown(difference: float, lift: float, n: int, *, standard_error: float = math.nan) -> Effect:
    return Effect(
        difference=difference,
        of_difference=EVERYTHING,
        lift=lift,
        of_lift=EVERYTHING,
        p_value=1.0,
        n=n,
        standard_error=standard_error,
    )
