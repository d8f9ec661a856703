"""`python -m benchmarks.stats`: false finds, coverage and power of every kind of metric, by simulation."""

import argparse
import sys
import time

from assistant.experiments.counts import Count
from assistant.experiments.rare import always_valid
from benchmarks.stats.few import few_events, of_failed_answers
from benchmarks.stats.kinds import KINDS
from benchmarks.stats.power import power
from benchmarks.stats.simulation import run


def false_finds(num: int) -> bool:
    """Prints the table of A/A experiments; says whether every kind keeps its word."""
    print(f"A/A experiments, {num} of each kind, 28 daily looks, 100 people a day; errors asked for: 5%")
    print(f"{'metric':32}{'found':>8}{'one look':>10}{'seconds':>9}")
    keeps = True
    for kind in KINDS:
        began = time.process_time()
        outcome = run(kind, effect=0.0, num=num, days=28, per_day=50)
        took_s = time.process_time() - began
        print(f"{kind.name:32}{outcome.found:8.1%}{outcome.found_fixed:10.1%}{took_s:9.1f}", flush=True)
        keeps = keeps and outcome.found <= 0.05
    return keeps


def coverage(num: int) -> bool:
    """Prints how often the intervals hold an effect at every look; says whether they do as often as they say."""
    print(f"\nExperiments with an effect, {num} of each kind, looked at like this; intervals hold it at all looks")
    print(f"{'metric':32}{'lift':>8}{'found':>8}{'difference held':>17}{'lift held':>11}")
    keeps = True
    for kind in KINDS:
        outcome = run(kind, effect=kind.effect, num=num, days=28, per_day=50, seed=2)
        shown = f"{outcome.truth.lift:8.0%}{outcome.found:8.1%}{outcome.covered:17.1%}{outcome.covered_lift:11.1%}"
        print(f"{kind.name:32}{shown}", flush=True)
        keeps = keeps and min(outcome.covered, outcome.covered_lift) >= 0.95
    return keeps


def zero_events() -> None:
    print("\nArms without a single event, 1,000 people each: interval of the difference")
    for events in (0, 15):
        control, treatment = Count(n=1000, yes=0), Count(n=1000, yes=events)
        effect = always_valid(control, treatment)
        low, high = effect.of_difference.low, effect.of_difference.high
        print(f"  people, 0 and {events:3}           [{low:+.4f}, {high:+.4f}]  p = {effect.p_value:.4f}")
    for events in (0, 15, 30):
        low, high = of_failed_answers(events)
        print(f"  answers, 0 and {events:3} of 4,000 [{low:+.4f}, {high:+.4f}]")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num", type=int, default=2000)
    num = parser.parse_args().num
    kept = false_finds(num)
    kept &= coverage(num)
    kept &= few_events(num)
    right = power(num)
    zero_events()
    print(f"\nfalse finds and coverage: {'kept' if kept else 'MISSED'}")
    print(f"power: {'within 3 points' if right else 'NOT within 3 points'}")
    return 0 if kept and right else 1


if __name__ == "__main__":
    sys.exit(main())
