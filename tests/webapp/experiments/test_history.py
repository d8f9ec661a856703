"""What planning and the preview of a metric are told of the last weeks."""

import math
from datetime import datetime, timedelta

import numpy as np
import pytest

from tests.webapp.experiments import oracle
from tests.webapp.experiments.random_turns import BEGIN, fill, make_experiment, make_metric, make_person, make_turn
from webapp.accounts.models import User
from webapp.experiments.models import Metric
from webapp.experiments.services.history import History, history

pytestmark = pytest.mark.django_db

NOW = BEGIN + timedelta(days=15)
HOUR = timedelta(hours=1)


def of(metric: Metric, *, days: int = 28) -> History:
    found = history(metric, days=days, now=NOW)
    assert found is not None
    return found


def starts(days: int = 28) -> list[tuple[list[oracle.Turn], datetime]]:
    """The turns of everybody, and when their first one since then was."""
    since = NOW - timedelta(days=days)
    found = []
    for person in User.objects.all():
        turns = oracle.turns_of(person)
        first = next((turn.reply.created_at for turn in turns if turn.reply.created_at >= since), None)
        if first is not None and first + 72 * HOUR <= NOW:
            found.append((turns, first))
    return found


@pytest.fixture
def people() -> int:
    fill(make_experiment(), seed=9, num_people=40)
    return len(starts())


def test_a_mean_and_its_deviation_are_those_of_people(people: int) -> None:
    """From their first turn on, which is in it."""
    values = [oracle.number("turns", turns, first, first + 72 * HOUR) for turns, first in starts()]
    found = of(make_metric("mean", "turns"))
    assert found.num_people == people > 20
    assert found.people_per_day == pytest.approx(people / (28 - 3))  # the last three days cannot be counted yet
    assert found.mean == pytest.approx(np.mean(values))
    assert found.deviation == pytest.approx(np.std(values, ddof=1))
    assert min(values) >= 0
    assert sum(bar.num for bar in found.bars) == people


def test_a_ratio_has_the_deviation_of_what_people_add_to_it(people: int) -> None:
    """The residuals above the line, by the mean below it: the delta method, written out."""
    pairs = np.array(
        [
            [oracle.number(fact, turns, first, first + 72 * HOUR) for fact in ("thumbs_up", "rated")]
            for turns, first in starts()
        ]
    )
    found = of(make_metric("ratio", "thumbs_up", per="rated"))
    ratio = pairs[:, 0].sum() / pairs[:, 1].sum()
    assert found.mean == pytest.approx(ratio)
    assert found.deviation == pytest.approx(np.std(pairs[:, 0] - ratio * pairs[:, 1], ddof=1) / pairs[:, 1].mean())
    assert sum(bar.num for bar in found.bars) == np.count_nonzero(pairs[:, 1])


def test_a_share_has_the_deviation_of_a_coin(people: int) -> None:
    values = [oracle.number("thumbs_up", turns, first, first + 72 * HOUR) > 0 for turns, first in starts()]
    share = np.mean(values)
    found = of(make_metric("binary", "thumbs_up"))
    assert (found.mean, found.deviation) == (pytest.approx(share), pytest.approx(math.sqrt(share * (1 - share))))


def test_a_quantile_is_of_first_values_and_has_a_deviation(people: int) -> None:
    values = [oracle.first("first_text_ms", turns, first, first + 72 * HOUR) for turns, first in starts()]
    known = sorted(value for value in values if value is not None)
    found = of(make_metric("quantile", "first_text_ms", quantile=0.5))
    assert found.num_people == len(known)
    assert found.mean == pytest.approx(known[math.ceil(len(known) / 2) - 1], rel=0.01)
    # Times are drawn evenly over 4 s, so the median of n has the deviation 4000 / (2 root n).
    assert found.deviation == pytest.approx(2000, rel=0.5)


def test_only_the_last_days_are_looked_at() -> None:
    """Somebody who was there before counts from their first turn within them."""
    metric = make_metric("mean", "attempts", window_hours=24)
    for days_ago in (3, 10):
        for person in (make_person(), make_person()):
            make_turn(person, NOW - timedelta(days=days_ago))
            make_turn(person, NOW - timedelta(days=20))
    assert (of(metric, days=7).num_people, of(metric, days=14).num_people) == (2, 4)
    assert of(metric, days=7).mean == 1


def test_fewer_than_two_people_say_nothing() -> None:
    metric = make_metric("mean", "turns")
    assert history(metric, now=NOW) is None
    make_turn(make_person(), NOW - timedelta(days=5))
    make_turn(make_person(), NOW - timedelta(hours=5))
    assert history(metric, now=NOW) is None


def test_a_ratio_over_nothing_says_nothing() -> None:
    for _ in range(2):
        make_turn(make_person(), NOW - timedelta(days=5))
    assert history(make_metric("ratio", "thumbs_up", per="rated"), now=NOW) is None


def test_a_metric_that_is_not_kept_can_be_tried(people: int) -> None:
    metric = Metric(key="new", name="New", kind="mean", fact="turns", cap=3.0)
    assert of(metric).num_people == people
    assert not Metric.objects.filter(key="new").exists()
