"""`python -m benchmarks.stats`: false finds, coverage and power of every kind of metric, by simulation."""

import argparse
import sys
import time

from assistant.experiments.counts import Count
from assistant.experiments.power import Plan, days_with_daily_looks, power_of_looks, units_for_one_look
from assistant.experiments.rare import always_valid
from benchmarks.stats.simulation import KINDS, run


def false_finds(num: int) -> bool:
    """Prints the table of A/A experiments; says whether every kind keeps its word."""
    print(f"A/A experiments, {num} of each kind, 28 daily looks, 100 people a day; errors asked for: 5%")
    print(f"{'metric':34}{'found':>8}{'one-look':>10}{'covered':>9}{'seconds':>9}")
    keeps = True
    for kind in KINDS:
        began = time.perf_counter()
        outcome = run(kind, effect=0.0, num=num, days=28, per_day=50)
        took_s = time.perf_counter() - began
        print(
            f"{kind.name:34}{outcome.found:8.1%}{outcome.found_fixed:10.1%}{outcome.covered:9.1%}{took_s:9.0f}",
            flush=True,
        )
        keeps = keeps and outcome.found <= 0.05 and outcome.covered >= 0.95
    return keeps


def power(num: int) -> bool:
    """Prints what the calculator promises beside what simulated experiments find."""
    print(f"\nPower with daily looks, {num} experiments, 100 people a day: asked for 80%")
    print(f"{'metric':34}{'days':>6}{'calculated':>12}{'found':>8}{'one look needs':>16}")
    is_right = True
    kind = KINDS[2]  # normal enough for the calculator's model, with a deviation that CUPED makes small
    for difference in (0.4, 0.6, 0.9):
        plan = Plan(deviation=_deviation_left(), difference=difference, per_day=100)
        days = days_with_daily_looks(plan)
        assert days is not None
        calculated = power_of_looks(plan, [100 * day for day in range(1, days + 1)])
        found = run(kind, effect=difference, num=num, days=days, per_day=50, seed=2).found
        one_look = f"{units_for_one_look(plan) / 100:.0f} days"
        print(f"{kind.name + f', +{difference}':34}{days:6}{calculated:12.1%}{found:8.1%}{one_look:>16}", flush=True)
        is_right = is_right and abs(calculated - found) <= 0.03
    return is_right


def zero_events() -> None:
    print("\nArms without a single event, 1,000 people each: interval of the difference")
    effect = always_valid(Count(n=1000, yes=0), Count(n=1000, yes=0))
    print(f"  0 and 0     [{effect.of_difference.low:+.4f}, {effect.of_difference.high:+.4f}]")
    effect = always_valid(Count(n=1000, yes=0), Count(n=1000, yes=15))
    print(
        f"  0 and 15    [{effect.of_difference.low:+.4f}, {effect.of_difference.high:+.4f}]  p = {effect.p_value:.4f}"
    )


def _deviation_left() -> float:
    """Of the metric of `KINDS[2]` after CUPED: Poisson turns with a Gamma(2, 3) habit, known twice.

    variance 6 + 18 = 24, covariance 18: what is left is 24 - 18 * 18 / 24.
    """
    return float((24 - 18 * 18 / 24) ** 0.5)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num", type=int, default=2000)
    num = parser.parse_args().num
    kept = false_finds(num)
    right = power(num)
    zero_events()
    print(f"\nfalse finds and coverage: {'kept' if kept else 'MISSED'}")
    print(f"power: {'within 3 points' if right else 'NOT within 3 points'}")
    return 0 if kept and right else 1


if __name__ == "__main__":
    sys.exit(main())
