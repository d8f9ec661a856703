"""What an experiment says, from sums whose effect is computed here by other means."""

import math
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from assistant.experiments import rare
from assistant.experiments.barriers import OfMeans
from assistant.experiments.bounded import BoundedCounts
from assistant.experiments.counts import Count
from assistant.experiments.intervals import AlwaysValid
from assistant.experiments.power import Plan, looks_needed
from assistant.experiments.quantiles import Histogram
from tests.webapp.experiments.results_making import (
    NOW,
    SITUATIONS,
    START,
    Made,
    date_of,
    make,
    measure,
    moments,
    people,
    situation,
)
from webapp.experiments.models import Allocation, Arm, Experiment, RampStep
from webapp.experiments.services.analysis import analyse, guardrails_broken
from webapp.experiments.services.drill_down import by_slice, over_days
from webapp.experiments.services.rows import Row
from webapp.experiments.services.snapshots import Where

pytestmark = pytest.mark.django_db

A, B = people(1, 900, mean=3.0), people(2, 880, mean=3.3)


def only_row(experiment: Experiment, **asked: object) -> Row:
    (row,) = analyse(experiment, now=NOW, **asked).rows  # type: ignore[arg-type]
    return row


def test_a_mean_is_compared_as_welch_does_and_wider_for_every_look() -> None:
    """The one look is scipy's; the interval for all looks is as many standard errors wide as its formula says."""
    made = make()
    metric = measure(made, "turns")
    made.put(metric, {made.control: moments(A * [1, 0]), made.arm: moments(B * [1, 0])})
    row = only_row(made.experiment)
    welch = stats.ttest_ind(B[:, 0], A[:, 0], equal_var=False)
    interval = welch.confidence_interval(0.95)
    assert row.one_look.p_value == pytest.approx(welch.pvalue, rel=1e-6)
    assert (row.one_look.of_difference.low, row.one_look.of_difference.high) == pytest.approx(
        (interval.low, interval.high), rel=1e-6
    )
    error = math.sqrt(A[:, 0].var(ddof=1) / 900 + B[:, 0].var(ddof=1) / 880)
    half = AlwaysValid().width(0.05, n=1780, df=math.inf) * error
    assert row.effect.of_difference.high - row.effect.of_difference.low == pytest.approx(2 * half, rel=1e-6)
    assert (row.base.n, row.side.n) == (900, 880)
    assert row.side.value == pytest.approx(B[:, 0].mean())


def test_the_past_makes_intervals_narrower() -> None:
    """As much as ordinary least squares with the past as a covariate says."""
    made = make()
    metric = measure(made, "turns")
    one, two = people(3, 1500, mean=5.0, explained=0.6), people(4, 1500, mean=5.1, explained=0.6)
    made.put(metric, {made.control: moments(one), made.arm: moments(two)})
    row = only_row(made.experiment)
    rows = np.vstack((one, two))
    treated = np.repeat([0.0, 1.0], 1500)
    design = np.column_stack((np.ones(3000), treated, rows[:, 1]))
    expected = np.linalg.lstsq(design, rows[:, 0], rcond=None)[0][1]
    plain = math.sqrt(one[:, 0].var(ddof=1) / 1500 + two[:, 0].var(ddof=1) / 1500)
    assert row.effect.difference == pytest.approx(expected, rel=1e-6)
    assert row.one_look.standard_error == pytest.approx(plain * math.sqrt(0.4), rel=0.03)


def test_shares_are_compared_exactly_with_the_planned_weights() -> None:
    """Of three people one was planned for the control: the bets go by that, not by who came."""
    made = make(weights=(1, 2))
    metric = measure(made, "harm", role="guardrail", kind="binary", unit="share", is_rare=True, is_better_up=False)
    before, after = Count(n=1000, yes=0), Count(n=2050, yes=3)
    made.put(metric, {made.control: before, made.arm: after})
    row = only_row(made.experiment)
    expected = rare.always_valid(before, after, share=2 / 3)
    assert row.effect.of_difference == expected.of_difference
    assert math.isfinite(row.effect.of_difference.low)
    assert row.one_look.p_value == pytest.approx(stats.fisher_exact([[3, 2047], [0, 1000]]).pvalue)


def test_each_kind_has_its_method() -> None:
    """Ratios, bounded means and quantiles, too."""
    made = make()
    ratio = measure(made, "thumbs", kind="ratio", unit="share", per="rated", fact="thumbs_up")
    capped = measure(made, "any_copy", cap=1.0)
    tail = measure(made, "latency", kind="quantile", unit="ms", quantile=0.95, is_better_up=False, fact="latency_ms")
    random = np.random.default_rng(5)
    for_all = {}
    for arm, level in ((made.control, 0.5), (made.arm, 0.6)):
        rated = random.poisson(3, 1200) + 1.0
        thumbs = random.binomial(rated.astype(int), level).astype(float)
        for_all[arm] = (rated, thumbs, random.lognormal(7, 0.5, 1200))
    nothing = np.zeros(1200)
    made.put(ratio, {arm: moments(np.column_stack((t, r, nothing, nothing))) for arm, (r, t, _l) in for_all.items()})
    made.put(capped, {arm: BoundedCounts.of(t / r) for arm, (r, t, _l) in for_all.items()})
    made.put(tail, {arm: Histogram.of(latency) for arm, (_r, _t, latency) in for_all.items()})
    rows = {row.metric.key: row for row in analyse(made.experiment, now=NOW).rows}
    r, t, latency = for_all[made.arm]
    assert rows["thumbs"].side.value == pytest.approx(t.sum() / r.sum())
    assert rows["thumbs"].verdict == rows["any_copy"].verdict == "better"
    assert rows["latency"].side.value == pytest.approx(np.quantile(latency, 0.95), rel=0.02)
    assert rows["latency"].posterior is None
    assert rows["latency"].verdict == "unclear"


def test_goals_share_the_error_and_guardrails_do_not() -> None:
    """Two goals and one other arm: each interval of a goal may err half as often."""
    made = make()
    for key, role in (("one", "goal"), ("two", "goal"), ("guard", "guardrail"), ("more", "secondary")):
        made.put(measure(made, key, role=role), {made.control: moments(A), made.arm: moments(B)})
    levels = {row.metric.key: row.level for row in analyse(made.experiment, now=NOW).rows}
    assert levels == {"one": 0.025, "two": 0.025, "guard": 0.05, "more": 0.05}


def test_a_find_among_many_goals_needs_more_evidence() -> None:
    """Without an effect in the others, 3.7 standard errors are enough alone (3.15), and not among twenty (4.24)."""
    alone, among = make("alone"), make("among")
    noise = moments(people(7, 900, mean=1.0))
    rows = people(8, 900, mean=3.0) * [1, 0]
    gain = 3.7 * rows[:, 0].std(ddof=1) * math.sqrt(2 / 900)
    for made, num in ((alone, 0), (among, 19)):
        sums = {made.control: moments(rows), made.arm: moments(rows + np.array([gain, 0]))}
        made.put(measure(made, f"goal_{made.experiment.key}"), sums)
        for number in range(num):
            made.put(measure(made, f"other_{number}"), {made.control: noise, made.arm: noise})
    found = [analyse(made.experiment, now=NOW).rows[0].is_found for made in (alone, among)]
    assert found == [True, False]


def test_a_state_of_an_earlier_day_is_what_was_known_then() -> None:
    """Only people exposed by then, in the sums and in the counts."""
    made = make()
    metric = measure(made, "turns")
    made.put(metric, {made.control: moments(A), made.arm: moments(B)}, day=0)
    made.put(metric, {made.control: moments(B), made.arm: moments(A)}, day=3)
    made.expose({made.control: 4, made.arm: 5})
    made.expose({made.control: 2, made.arm: 2}, at=START + timedelta(days=3))
    then = analyse(made.experiment, until=date_of(1), now=NOW)
    assert then.rows[0].base.n == 900
    assert [arm.n for arm in then.arms] == [4, 5]
    assert then.days_so_far == pytest.approx(2.0)
    assert analyse(made.experiment, now=NOW).rows[0].base.n == 1780


def test_parts_of_the_people_and_the_days_add_up() -> None:
    """The last day of the series is the whole, and the parts have everybody."""
    made = make()
    metric = measure(made, "turns")
    made.put(metric, {made.control: moments(A[:400]), made.arm: moments(B[:400])}, day=0, language="de")
    made.put(metric, {made.control: moments(A[400:]), made.arm: moments(B[400:])}, day=1, language="en")
    analysis = analyse(made.experiment, now=NOW)
    row = analysis.rows[0]
    series = over_days(analysis, row)
    assert [day for day, _effect in series] == [date_of(0), date_of(1)]
    assert series[-1][1].difference == pytest.approx(row.effect.difference)
    languages = [part for part in by_slice(analysis, row) if part.slice.dimension == "language"]
    assert {part.slice.value: part.n for part in languages} == {"de": 800, "en": 980}
    german = only_row(made.experiment, where=Where(language="de"))
    assert german.base.n == 400


def test_another_arm_can_be_what_the_others_are_compared_with() -> None:
    """The same difference the other way round."""
    made = make()
    metric = measure(made, "turns")
    made.put(metric, {made.control: moments(A), made.arm: moments(B)})
    there, back = only_row(made.experiment), only_row(made.experiment, base=made.arm)
    assert back.arm_id == made.control.pk
    assert back.effect.difference == pytest.approx(-there.effect.difference)


@pytest.mark.parametrize("badge", SITUATIONS)
def test_the_advice_fits_the_situation(badge: str) -> None:
    """One made experiment for each badge."""
    made = situation(badge)
    analysis = analyse(made.experiment, now=NOW)
    assert analysis.recommendation.badge == badge
    assert bool(guardrails_broken(analysis)) == (badge == "roll_back")


def test_a_guardrail_within_what_is_tolerated_is_not_broken() -> None:
    """Certainly worse, and certainly by less than was agreed to."""
    made = make()
    metric = measure(made, "stops", role="guardrail", margin=0.2, is_better_up=False)
    made.put(metric, {made.control: moments(people(1, 9000, mean=9.0)), made.arm: moments(people(2, 9000, mean=9.3))})
    analysis = analyse(made.experiment, now=NOW)
    assert analysis.rows[0].effect.of_difference.low > 0
    assert analysis.rows[0].verdict == "safe"
    assert not guardrails_broken(analysis)


def coming(made: Made, *, num_days: int, each: int, begins: int = 0) -> None:
    """So many people a day in each arm. They may stand for more: what counts is their proportion to the counted."""
    for day in range(begins, begins + num_days):
        made.expose({made.control: each, made.arm: each}, at=START + timedelta(days=day))


def test_the_days_left_come_from_the_noise_and_the_worth() -> None:
    """A gain worth shipping that is hard to see takes longer than one that is easy to see."""
    waits = []
    for key, margin in (("small", 0.01), ("large", 0.03)):
        made = make(key, planned_days=60)
        metric = measure(made, f"turns_{key}", margin=margin)
        made.put(
            metric, {made.control: moments(people(1, 3000, mean=3.0)), made.arm: moments(people(5, 3000, mean=3.0))}
        )
        coming(made, num_days=14, each=2)
        waits.append(analyse(made.experiment, now=NOW).recommendation.days_left)
    small, large = waits
    assert small is not None
    assert large is not None
    assert small > large > 0


def test_of_three_arms_the_one_to_ship_leads() -> None:
    """Others may be worse, or undecided."""
    made = make()
    third = Arm.objects.create(experiment=made.experiment, key="c", name="Third", temperature=1.0)
    Allocation.objects.create(phase=made.phase, arm=third, weight=1)
    metric = measure(made, "turns")
    made.put(
        metric,
        {
            made.control: moments(people(1, 2000, mean=3.0)),
            made.arm: moments(people(2, 2000, mean=2.5)),
            third: moments(people(3, 2000, mean=3.5)),
        },
    )
    analysis = analyse(made.experiment, now=NOW)
    assert analysis.leader == third
    assert {arm: advice.badge for arm, advice in analysis.advice.items()} == {
        made.arm.pk: "roll_back",
        third.pk: "ship",
    }


def test_a_difference_from_before_is_seen() -> None:
    """People who differed in the weeks before were not drawn by chance."""
    made = make()
    metric = measure(made, "turns")
    other = people(2, 900, mean=3.0) + np.array([0, 0.5])
    made.put(metric, {made.control: moments(A), made.arm: moments(other)})
    made.expose({made.control: 3, made.arm: 3})
    assert analyse(made.experiment, now=NOW).health.imbalanced == (metric,)


def test_a_part_of_the_people_divided_otherwise_is_named() -> None:
    """All in all as planned, but not on phones."""
    made = make()
    metric = measure(made, "turns")
    many, few = moments(people(1, 900, mean=3.0)), moments(people(2, 500, mean=3.0))
    made.put(metric, {made.control: many, made.arm: few}, device="phone")
    made.put(metric, {made.control: few, made.arm: many}, device="desktop")
    made.expose({made.control: 14, made.arm: 14})
    analysis = analyse(made.experiment, now=NOW)
    assert analysis.health.is_healthy
    assert {(part.dimension, part.value) for part in analysis.health.slices} == {
        ("device", "phone"),
        ("device", "desktop"),
    }


def test_an_experiment_that_never_began_has_no_data() -> None:
    """A draft has no phase."""
    made = make()
    made.phase.delete()
    assert analyse(made.experiment, now=NOW).recommendation.badge == "no_data"


def left_of(made: Made, *, days: float) -> int | None:
    return analyse(made.experiment, now=START + timedelta(days=days)).recommendation.days_left


def needed_by(made: Made, counted: Sequence[float]) -> int:
    """The day whose evening finds the margin, with so many people on each evening from the first on."""
    (row,) = analyse(made.experiment, now=NOW).rows
    noise = OfMeans(deviation=row.one_look.standard_error * math.sqrt((row.base.n + row.side.n) / 4))
    needed = looks_needed(Plan(barriers=noise, difference=row.margin, alpha=row.level), counted)
    assert needed is not None
    return needed


def test_the_days_left_go_by_who_will_be_counted() -> None:
    """Six days in, with windows of three, those of the first three days are counted, 600 of each day; those of the next
    three are on their way, and as many come every day."""
    made = make(planned_days=60)
    metric = measure(made, "turns", margin=0.05)
    made.put(metric, {made.control: moments(people(1, 900, mean=2.0)), made.arm: moments(people(3, 900, mean=2.0))})
    coming(made, num_days=6, each=3)
    needed = needed_by(made, [600 * max(0, day - 3) for day in range(1, 61)])
    assert left_of(made, days=6) == needed - 6 > 0


def test_the_rest_of_a_ramp_is_waited_for() -> None:
    """On the fourth day of a ramp a tenth of the people are in it; from the fifth day on ten times as many come."""
    made = make(planned_days=60)
    metric = measure(made, "turns", margin=0.03, window_hours=24)
    made.put(metric, {made.control: moments(people(1, 300, mean=2.0)), made.arm: moments(people(3, 300, mean=2.0))})
    coming(made, num_days=4, each=3)
    for number, (slots, hours, reached) in enumerate(((100, 96, START), (1000, 24, None)), start=1):
        RampStep.objects.create(experiment=made.experiment, number=number, slots=slots, hours=hours, reached_at=reached)
    needed = needed_by(made, [200 * min(day - 1, 4) + 2000 * max(0, day - 5) for day in range(1, 61)])
    assert left_of(made, days=4) == needed - 4 > 0


def test_the_days_left_of_shares_are_those_of_bets() -> None:
    """With 200 people a day 20 and 24% are told apart after some forty days, not after 28."""
    made = make(planned_days=100)
    metric = measure(made, "came_back", margin=0.2, kind="binary", unit="share", window_hours=24)
    made.put(metric, {made.control: Count(n=1300, yes=260), made.arm: Count(n=1300, yes=260)})
    coming(made, num_days=14, each=2)
    left = left_of(made, days=14)
    assert left is not None
    assert 25 <= left <= 35


def test_goals_are_adjusted_among_all_of_them_and_at_every_look() -> None:
    """By Holm and by e-BH, of the p-values and the evidence that hold whenever somebody stops. Others stand alone."""
    made = make()
    for number, gain in enumerate((0.6, 0.09, 0.0)):
        metric = measure(made, f"goal_{number}", role="goal" if number < 2 else "guardrail", margin=0.5)
        later = people(5 + number, 4000, mean=3.0 + gain)
        made.put(metric, {made.control: moments(people(9 + number, 4000, mean=3.0)), made.arm: moments(later)})
    strong, weak, guardrail = analyse(made.experiment, now=NOW).rows
    assert strong.effect.p_value < 1e-6 < weak.effect.p_value < 0.05
    assert strong.adjusted_p == pytest.approx(2 * strong.effect.p_value)
    assert weak.adjusted_p == weak.effect.p_value
    assert weak.e_bh == pytest.approx(weak.effect.p_value)
    assert strong.is_found and weak.is_found
    assert math.isnan(guardrail.adjusted_p) and math.isnan(guardrail.e_bh)
