"""How long a step takes by its number of rows, measured while the engine runs."""

from bisect import bisect_left

PRIOR_SLOPE = 0.2
"""Where nothing is measured on both sides, each further row is taken to cost this share of a step of one row."""

NEWEST_WEIGHT = 0.1
MOST_TIMES_OLD = 3.0
"""A step that took longer than this many times the usual was disturbed by something else; it counts as so much."""


class StepTimes:
    """Smoothed seconds for each number of rows that occurred, and straight lines between and beyond them."""

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._seconds: dict[int, float] = {}
        self._counts: dict[int, int] = {}

    def observe(self, num_rows: int, seconds: float) -> None:
        """A step computed so many rows in so many seconds."""
        known = self._seconds.get(num_rows)
        if known is None:
            self._sizes.insert(bisect_left(self._sizes, num_rows), num_rows)
            self._seconds[num_rows], self._counts[num_rows] = seconds, 1
            return
        self._counts[num_rows] += 1
        weight = max(1 / self._counts[num_rows], NEWEST_WEIGHT)
        self._seconds[num_rows] += weight * (min(seconds, MOST_TIMES_OLD * known) - known)

    def seconds(self, num_rows: int) -> float:
        """The expected time of a step. Only ratios mean anything as long as nothing has been observed."""
        if num_rows in self._seconds:
            return self._seconds[num_rows]
        if not self._sizes:
            return _by_prior(num_rows)
        at = bisect_left(self._sizes, num_rows)
        first, last = self._sizes[0], self._sizes[-1]
        if at == 0 or first == last:
            return self._seconds[first] * _by_prior(num_rows) / _by_prior(first)
        if at < len(self._sizes):
            return self._line(self._sizes[at - 1], self._sizes[at], num_rows)
        # More rows never take less time, whatever a noisy measurement says.
        return max(self._line(first, last, num_rows), self._seconds[last])

    def _line(self, left: int, right: int, num_rows: int) -> float:
        share = (num_rows - left) / (right - left)
        return self._seconds[left] + share * (self._seconds[right] - self._seconds[left])


def _by_prior(num_rows: int) -> float:
    return 1.0 + PRIOR_SLOPE * (num_rows - 1)
