"""Several metrics and arms at once: how the chance of any false find, or their share, is kept.

p-values of one look take Holm or Benjamini-Hochberg. Under peeking, and with metrics that depend on each other in
whatever way, evidence (e-values) takes e-BH (Wang and Ramdas 2022), whose guarantee needs no assumption. Intervals that
hold together take an equal part of the error each.
"""

from collections.abc import Sequence
from math import exp, log

_HALF = log(0.5)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: compared with alpha they keep the chance of any false find."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, greatest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        greatest = max(greatest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = greatest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that keep the share of false finds, for independent or positively dependent metrics."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index], reverse=True)
    adjusted, least, total = [1.0] * len(p_values), 1.0, len(p_values)
    for position, index in enumerate(order):
        least = min(least, p_values[index] * total / (total - position))
        adjusted[index] = least
    return adjusted


def e_bh(log_e_values: Sequence[float], *, alpha: float = 0.05) -> list[bool]:
    """Which null hypotheses to reject, the expected share of false finds at most alpha, at any time of stopping."""
    total = len(log_e_values)
    order = sorted(range(total), key=lambda index: log_e_values[index], reverse=True)
    num = max((k for k in range(1, total + 1) if log_e_values[order[k - 1]] >= log(total / (alpha * k))), default=0)
    rejected = set(order[:num])
    return [index in rejected for index in range(total)]


def e_bh_adjusted(log_e_values: Sequence[float]) -> list[float]:
    """The least alpha at which `e_bh` rejects each, at most 1."""
    order = sorted(range(len(log_e_values)), key=lambda index: log_e_values[index])
    adjusted, least, total = [1.0] * len(log_e_values), 1.0, len(log_e_values)
    for position, index in enumerate(order):
        least = min(least, exp(log(total / (total - position)) - log_e_values[index]))
        adjusted[index] = least
    return adjusted


def calibrated(p_value: float) -> float:
    """Log evidence from a p-value that comes from intervals, by the calibrator 1 / (2 sqrt(p)) (Vovk and Wang 2021)."""
    return _HALF - 0.5 * log(p_value)


def simultaneous(alpha: float, num: int) -> float:
    """The error each of `num` intervals may have, so that all of them hold together (Bonferroni)."""
    return alpha / max(1, num)
