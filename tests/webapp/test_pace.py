"""The generic cell rate algorithm: a burst, then a steady pace, and true words about what is left."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.pace import Pace

PACE = Pace(limit=4, period_s=40)


def test_a_burst_and_then_one_per_interval() -> None:
    """All at once to begin with; then one whenever one is paid off."""
    paid_off_at = 0.0
    for _ in range(4):
        paid = PACE.pay(paid_off_at, now=100)
        assert paid is not None
        paid_off_at = paid
    assert PACE.pay(paid_off_at, now=100) is None
    assert PACE.pay(paid_off_at, now=109.9) is None
    assert PACE.pay(paid_off_at, now=110) == 150


def test_what_is_left_and_when_more_is_due() -> None:
    """The numbers that people are shown."""
    fresh = PACE.left(0.0, now=100)
    assert (fresh.num, fresh.next_in_s, fresh.full_in_s) == (4, 10, 0)
    spent = PACE.left(140.0, now=103)
    assert (spent.num, spent.next_in_s, spent.full_in_s) == (0, 7, 37)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=80))
def test_no_window_gets_more_than_twice_the_limit_and_a_refusal_tells_when(gaps: list[float]) -> None:
    """No period holds more than a burst and what is paid off meanwhile; waiting as told is always enough."""
    now, paid_off_at, taken = 1000.0, 0.0, []
    for gap in gaps:
        now += gap
        paid = PACE.pay(paid_off_at, now)
        left = PACE.left(paid_off_at, now)
        assert (paid is None) == (left.num == 0)
        if paid is None:
            assert PACE.pay(paid_off_at, now + left.next_in_s + 1e-6) is not None
        else:
            paid_off_at = paid
            taken.append(now)
    for start in taken:
        assert sum(start <= moment < start + PACE.period_s for moment in taken) <= 2 * PACE.limit
