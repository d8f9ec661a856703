"""Votes on pairs: the same strengths as others compute, and what theirs leave out."""

import math
from collections.abc import Sequence

import choix
import numpy as np
import pytest

from assistant.experiments.preferences import Outcome, Vote, preference, strengths

RANDOM = np.random.default_rng(7)


def votes_of(pairs: Sequence[tuple[int, int]]) -> list[Vote]:
    """Winner and loser, the winner left in every second pair."""
    return [
        Vote(winner, loser, "left", number) if number % 2 else Vote(loser, winner, "right", number)
        for number, (winner, loser) in enumerate(pairs)
    ]


def drawn(num: int, *, gap: float, left: float = 0.0, ties: float = -9.0, per_turn: int = 1) -> list[Vote]:
    """Votes for 1 over 0 by a gap in strength. Those of a turn are all alike."""
    votes = []
    for turn in range(num):
        first = int(RANDOM.integers(2))
        strength = {first: (gap if first else 0.0) + left, 1 - first: gap if not first else 0.0}
        logits = np.array([strength[first], strength[1 - first], ties + sum(strength.values()) / 2])
        chances = np.exp(logits) / np.exp(logits).sum()
        outcome: Outcome = (("left", "right", "tie"))[int(RANDOM.choice(3, p=chances))]
        votes += [Vote(first, 1 - first, outcome, turn)] * per_turn
    return votes


@pytest.mark.parametrize("ridge", [0.01, 0.125, 1.0])
def test_without_ties_and_position_as_choix(ridge: float) -> None:
    """The penalised maximum likelihood of the same model by another implementation, to a millionth."""
    pairs = [tuple(RANDOM.choice(4, 2, replace=False).tolist()) for _ in range(300)]
    theirs = choix.opt_pairwise(4, pairs, alpha=ridge, method="Newton-CG", tol=1e-13)
    ours = strengths(votes_of(pairs), 4, ridge=ridge, has_position=False)
    assert ours.values == pytest.approx((theirs - theirs.mean()).tolist(), abs=1e-6)


def test_strengths_are_found_again_with_ties_and_a_favoured_side() -> None:
    """Within two standard errors of what the votes were drawn from."""
    found = strengths(drawn(4000, gap=0.7, left=0.4, ties=0.3), 2)
    result = preference(found, 1, 0)
    assert result.interval.holds(0.7)
    assert found.left_advantage == pytest.approx(0.4, abs=0.15)


def test_a_favoured_side_is_not_taken_for_strength() -> None:
    """All saw 1 on the left, and the left won as often as it does when nothing differs."""
    balanced = drawn(600, gap=0.0, left=0.8)
    lopsided = [vote for vote in balanced if vote.left == 1 or vote.turn % 3 == 0]  # type: ignore[operator]
    assert not preference(strengths(lopsided, 2, has_position=False), 1, 0).interval.holds(0.0)
    assert preference(strengths(lopsided, 2), 1, 0).interval.holds(0.0)


def test_whoever_wins_every_vote_is_finitely_better() -> None:
    """Maximum likelihood would be infinite here."""
    result = preference(strengths(votes_of([(1, 0)] * 12), 2), 1, 0)
    assert 0 < result.interval.low < result.log_odds < result.interval.high < math.inf
    assert 0.97 < result.chance < 1


@pytest.mark.parametrize("outcome", ["left", "right", "tie"])
def test_a_single_vote_says_little(outcome: Outcome) -> None:
    """Finite, and far from certain."""
    result = preference(strengths([Vote(0, 1, outcome, "a")], 2), 1, 0)
    assert result.interval.holds(0.0)
    assert 0.2 < result.chance < 0.8


def test_without_votes_nothing_is_known() -> None:
    """The prior alone."""
    result = preference(strengths([], 2), 1, 0)
    assert result.share == 0.5
    assert result.chance == 0.5


def test_ten_votes_on_one_turn_are_not_ten_turns() -> None:
    """The same votes ten times over are not ten times as certain: the width stays that of the turns."""
    once = drawn(80, gap=0.5)
    repeated = [vote for vote in once for _ in range(10)]
    one, ten = (preference(strengths(votes, 2), 1, 0).interval for votes in (once, repeated))
    assert ten.high - ten.low > 0.9 * (one.high - one.low)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Over turns with three like votes each, at least 93 of 100; three standard errors of the simulation below 95."""
    covered = sum(
        preference(strengths(drawn(60, gap=0.5, ties=-0.5, per_turn=3), 2), 1, 0).interval.holds(0.5)
        for _ in range(300)
    )
    assert covered / 300 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 300)


def test_no_prior_is_refused() -> None:
    """It would be infinite at the first clean win."""
    with pytest.raises(ValueError, match="prior"):
        strengths([], 2, ridge=0.0)
