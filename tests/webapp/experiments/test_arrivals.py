"""Who will be counted by when, by hand."""

from datetime import timedelta

import pytest

from tests.webapp.experiments.results_making import START, make, measure
from webapp.experiments.services.arrivals import ALL_AT_ONCE, Arrivals, Opening, counted_by_day, going_on, openings
from webapp.experiments.services.snapshots import refresh, totals

# Seven in ten of those who come in three weeks come in the first.
COMING = Arrivals([0, 1, 7, 14, 21], [0, 400, 700, 850, 1000])


def test_people_are_counted_when_their_time_is_over() -> None:
    """With windows of three days nobody on the third evening, and on the fourth those of the first day."""
    counted = counted_by_day(COMING, ALL_AT_ONCE, window_hours=72, num_days=10)
    assert counted[:4] == [0, 0, 0, 400]
    assert counted[9] == pytest.approx(700)


def test_of_a_careful_ramp_little_is_counted_in_two_weeks() -> None:
    """The half that comes in on the sixth day is counted from the ninth on, and is what it would have been on the third
    day of all of it: so of fourteen days five count in full."""
    opened = openings([(10, 48), (100, 48), (500, 48), (1000, 24)], 1000)
    assert opened == [Opening(0, 0.01), Opening(2, 0.09), Opening(4, 0.4), Opening(6, 0.5)]
    (*_, planned) = counted_by_day(COMING, opened, window_hours=72, num_days=14)
    by_hand = 0.01 * (700 + 4 * 150 / 7) + 0.09 * (700 + 2 * 150 / 7) + 0.4 * 700 + 0.5 * (400 + 4 * 50)
    assert planned == pytest.approx(by_hand)
    (*_, at_once) = counted_by_day(COMING, ALL_AT_ONCE, window_hours=72, num_days=14)
    assert planned < 0.85 * at_once


def test_a_share_of_the_people_is_all_of_the_traffic() -> None:
    """The steps of a ramp are in slots of the layer; the share of the traffic is what is left of them."""
    assert openings([(20, 48), (200, 24)], 200) == [Opening(0, 0.1), Opening(2, 0.9)]
    assert openings([], 200) == ALL_AT_ONCE


def test_beyond_what_is_known_they_come_as_in_the_last_week() -> None:
    assert COMING.by(21 + 14) == pytest.approx(1000 + 2 * 150)
    assert COMING.by(-2) == 0


def test_what_goes_on_multiplies_with_the_steps_to_come() -> None:
    """Ten a day; from the sixth day on five times, from the eighth on ten times as many."""
    more = going_on(Arrivals([0, 4], [0, 40]), pace=10, steps=[(6, 5), (8, 10)])
    assert [more.by(day) for day in (4, 5, 6, 7, 8, 9)] == pytest.approx([40, 50, 60, 110, 160, 260])
    assert more.by(30) == pytest.approx(160 + 22 * 100)


@pytest.mark.django_db
def test_the_evenings_count_as_many_as_foretold() -> None:
    """Days pass, people come at noon, and each evening is measured as it is in a real experiment."""
    made = make()
    metric = measure(made, "turns", window_hours=72)
    come = [5, 3, 2, 1, 1]
    for day, num in enumerate(come):
        made.expose({made.control: num}, at=START + timedelta(days=day, hours=12))
    arrivals = Arrivals(range(6), [sum(come[:day]) for day in range(6)])
    foretold = counted_by_day(arrivals, ALL_AT_ONCE, window_hours=72, num_days=8)
    counted = []
    for day in range(1, 9):
        refresh(made.experiment, now=START + timedelta(days=day))
        counted.append(sum(sums.n for sums in totals(made.phase, metric).values()))
    assert counted == pytest.approx(foretold)
    assert counted == [0, 0, 0, 5, 8, 10, 11, 12]
