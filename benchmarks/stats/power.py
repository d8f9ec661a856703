"""Power with daily looks: what the calculator promises, from people without the treatment, and what is found."""

from dataclasses import dataclass, replace

import numpy as np

from assistant.experiments.barriers import Barriers, barriers_of
from assistant.experiments.power import Plan, looks_needed, power_of_looks
from benchmarks.stats.kinds import Kind, kind_named
from benchmarks.stats.shipped import Floats, OfMoments, OfQuantiles
from benchmarks.stats.simulation import NUM_PEOPLE, run

LONGEST_DAYS = 365
WITHIN = 0.03
SEED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    kind: Kind
    per_day: int

    @property
    def looks(self) -> list[int]:
        return [self.per_day * day for day in range(1, LONGEST_DAYS + 1)]


def _case(name: str, effect: float, *, per_day: int = 100) -> Case:
    return Case(kind=replace(kind_named(name), effect=effect), per_day=per_day)


CASES = (
    _case("mean, CUPED (messages)", 0.6),
    _case("ratio, CUPED (thumbs up)", 0.05),
    _case("yes or no (30%)", 0.08),
    _case("yes or no, 1 of 10", 0.08, per_day=200),
    _case("rare (reports, 0.5%)", 0.005, per_day=200),
    _case("bounded (share kept)", 0.04),
    _case("median (time to first text)", 0.2),
    _case("95th percentile", 0.3, per_day=200),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    days: int
    calculated: float
    found: float


def check(case: Case, *, num: int) -> Checked:
    """The days that the calculator asks for, the power it promises then, and the share of `num` experiments that find
    something in them. It knows the people of the experiments as they are without the treatment."""
    kind, method = case.kind, case.kind.method
    before, after = kind.draw(np.random.default_rng(SEED), NUM_PEOPLE, kind.effect)
    plan = Plan(barriers=_barriers(kind, before), difference=method.level(after) - method.level(before))
    days = looks_needed(plan, case.looks)
    assert days is not None
    found = run(kind, effect=kind.effect, num=num, days=days, per_day=case.per_day // 2, seed=SEED).found
    return Checked(days=days, calculated=power_of_looks(plan, case.looks[:days]), found=found)


def _barriers(kind: Kind, people: Floats) -> Barriers:
    method = kind.method
    table = method.table(people)
    kept = table.sum(axis=0) if table.ndim == 2 else np.bincount(table, minlength=method.width(table)).astype(float)
    found = barriers_of(
        method.sums(kept),
        share=kind.share,
        kind=method.kind if isinstance(method, OfMoments) else "mean",
        is_rare=bool(kind.metric.get("is_rare")),
        q=method.q if isinstance(method, OfQuantiles) else 0.5,
    )
    assert found is not None
    return found


def power(num: int) -> bool:
    """Prints the table; says whether the promise is kept for every kind."""
    print(f"\nPower with daily looks, {num} experiments of each kind: asked for 80%")
    print(f"{'metric':32}{'effect':>8}{'a day':>8}{'days':>6}{'calculated':>12}{'found':>8}")
    is_right = True
    for case in CASES:
        checked = check(case, num=num)
        plan = f"{case.kind.name:32}{case.kind.effect:8}{case.per_day:8}{checked.days:6}"
        print(f"{plan}{checked.calculated:12.1%}{checked.found:8.1%}", flush=True)
        is_right = is_right and abs(checked.calculated - checked.found) <= WITHIN
    return is_right
