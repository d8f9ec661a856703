"""The statistics of guards and reviewers, against values from the literature and a second implementation."""

import pytest
from sklearn.metrics import cohen_kappa_score

from assistant.safety.quality import agreement, wilson


@pytest.mark.parametrize(
    ("num", "total", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(num: int, total: int, low: float, high: float) -> None:
    """Published to four decimals."""
    share = wilson(num, total)
    assert (share.low, share.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    assert share.share == num / total


def test_a_share_of_all_stays_within_one() -> None:
    """Three of three is not certainty: the lower end says how little three are."""
    share = wilson(3, 3)
    assert share.high == 1.0
    assert share.low == pytest.approx(0.4385, abs=5e-5)


@pytest.mark.parametrize(("num", "total"), [(0, 0), (2, 1), (-1, 4)])
def test_what_is_no_share_is_refused(num: int, total: int) -> None:
    """Nothing of nothing has no precision."""
    with pytest.raises(ValueError):
        wilson(num, total)


def test_kappa_of_a_known_table() -> None:
    """Fifty grant proposals: 20 both yes, 15 both no, 5 and 10 split. Observed 0.7, by chance 0.5, so 0.4."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    found = agreement(pairs)
    assert (found.num_pairs, found.observed) == (50, 0.7)
    assert found.kappa == pytest.approx(0.4)


def test_kappa_is_what_others_compute() -> None:
    """Three answers, unevenly spread."""
    pairs = [("a", "a")] * 9 + [("a", "b")] * 2 + [("b", "b")] * 4 + [("c", "a")] * 3 + [("c", "c")] * 5 + [("b", "c")]
    expected = cohen_kappa_score(*zip(*pairs, strict=True))
    assert agreement(pairs).kappa == pytest.approx(expected)


@pytest.mark.parametrize(("pairs", "observed"), [([], 0.0), ([("a", "a")] * 5, 1.0)])
def test_kappa_is_undefined_where_chance_explains_all(pairs: list[tuple[str, str]], observed: float) -> None:
    """Dividing nought by nought would print as perfect agreement, or as none."""
    found = agreement(pairs)
    assert (found.kappa, found.observed) == (None, observed)
