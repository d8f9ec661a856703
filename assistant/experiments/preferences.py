"""Who is preferred, from votes on pairs of answers seen side by side.

Bradley and Terry's model with Davidson's (1970) ties and an advantage of whatever stands left: with strengths s,

    left : right : tie  =  exp(s_left + a) : exp(s_right) : exp(t + (s_left + a + s_right) / 2)

Strengths have a weak normal prior, so that they are finite where somebody has won every vote. Votes on the same turn
resemble each other: errors are those of the sandwich clustered by turn, or those of the model where these are greater.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assistant.experiments.intervals import Interval
from assistant.experiments.scientific import special, stats

Outcome = Literal["left", "right", "tie"]
Floats = npt.NDArray[np.float64]

RIDGE = 0.125
"""Of the squares of all parameters: a normal prior with a deviation of 2."""

_OUTCOMES: tuple[Outcome, ...] = ("left", "right", "tie")
_MAX_STEPS = 100


@dataclass(frozen=True, slots=True)
class Vote:
    """On two answers to one `turn`, by the numbers of who wrote them."""

    left: int
    right: int
    outcome: Outcome
    turn: Hashable


@dataclass(frozen=True, slots=True, kw_only=True)
class Strengths:
    """
    values          of everybody, with a sum of 0
    covariance      of the values
    left_advantage  of standing left, on the same scale
    """

    values: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    left_advantage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Of one over another.

    log_odds         difference of the strengths, and its interval
    share            expected wins among the votes that prefer somebody
    chance           probability that it is preferred at all
    """

    log_odds: float
    interval: Interval
    share: float
    of_share: Interval
    chance: float


def strengths(votes: Sequence[Vote], num: int, *, ridge: float = RIDGE, has_position: bool = True) -> Strengths:
    """Of `num` authors. Without `has_position` nothing is made of who stood left. Raises ValueError without a ridge."""
    if not ridge > 0:
        raise ValueError("Without a prior, strengths need not be finite.")
    features = _features(votes, num, has_position=has_position)
    chosen = np.array([_OUTCOMES.index(vote.outcome) for vote in votes], dtype=int)
    parameters = _fit(features, chosen, ridge)
    of_model = np.asarray(np.linalg.inv(_curvature(features, parameters, ridge)))
    meat = _meat(_scores(features, chosen, parameters), [vote.turn for vote in votes])
    # Only differences count, and of those the votes say something in each direction: there the two can be compared.
    centring = np.eye(num, len(parameters))
    centring[:, :num] -= 1 / num
    covariance = max(
        (centring @ each @ centring.T for each in (of_model, of_model @ meat @ of_model)),
        key=lambda each: np.trace(each),
    )
    return Strengths(
        values=tuple((centring @ parameters).tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        left_advantage=float(parameters[num]) if has_position else 0.0,
    )


def preference(found: Strengths, one: int, other: int, *, alpha: float = 0.05) -> Preference:
    """How far `one` is preferred to `other`."""
    log_odds = found.values[one] - found.values[other]
    c = found.covariance
    error = math.sqrt(max(0.0, c[one][one] + c[other][other] - 2 * c[one][other]))
    half = float(stats.norm.isf(alpha / 2)) * error
    interval = Interval(low=log_odds - half, high=log_odds + half)
    return Preference(
        log_odds=log_odds,
        interval=interval,
        share=_logistic(log_odds),
        of_share=Interval(low=_logistic(interval.low), high=_logistic(interval.high)),
        chance=float(stats.norm.cdf(log_odds / error)) if error else 0.5,
    )


def _features(votes: Sequence[Vote], num: int, *, has_position: bool) -> Floats:
    """[vote, outcome, parameter]: what an outcome's logit is made of. Without ties they are no outcome.

    The parameters are the strengths, the left's advantage, and how ready people are to say that both are alike.
    """
    has_ties = any(vote.outcome == "tie" for vote in votes)
    features = np.zeros((len(votes), 3 if has_ties else 2, num + has_position + has_ties))
    for row, vote in zip(features, votes, strict=True):
        row[0, vote.left] = row[1, vote.right] = 1.0
        if has_position:
            row[0, num] = 1.0
        if has_ties:
            row[2] = (row[0] + row[1]) / 2
            row[2, -1] = 1.0
    return features


def _fit(features: Floats, chosen: npt.NDArray[np.int_], ridge: float) -> Floats:
    """Newton's method; the loss is convex."""
    parameters = np.zeros(features.shape[2])
    loss = _loss(features, chosen, parameters, ridge)
    for _ in range(_MAX_STEPS):
        gradient = 2 * ridge * parameters - _scores(features, chosen, parameters).sum(axis=0)
        step = np.linalg.solve(_curvature(features, parameters, ridge), gradient)
        scale, tried = 1.0, _loss(features, chosen, parameters - step, ridge)
        while tried > loss and scale > 1e-6:
            scale /= 2
            tried = _loss(features, chosen, parameters - scale * step, ridge)
        if tried > loss:
            break
        parameters, loss = parameters - scale * step, tried
        if float(np.abs(step).max()) < 1e-12:
            break
    return parameters


def _loss(features: Floats, chosen: npt.NDArray[np.int_], parameters: Floats, ridge: float) -> float:
    logits = features @ parameters
    taken = logits[np.arange(len(chosen)), chosen]
    return float((special.logsumexp(logits, axis=1) - taken).sum() + ridge * parameters @ parameters)


def _chances(features: Floats, parameters: Floats) -> Floats:
    logits = features @ parameters
    return np.asarray(np.exp(logits - special.logsumexp(logits, axis=1, keepdims=True)))


def _scores(features: Floats, chosen: npt.NDArray[np.int_], parameters: Floats) -> Floats:
    """[vote, parameter]: by how much each vote pulls."""
    expected = np.einsum("vo,vop->vp", _chances(features, parameters), features)
    return np.asarray(features[np.arange(len(chosen)), chosen] - expected)


def _curvature(features: Floats, parameters: Floats, ridge: float) -> Floats:
    chances = _chances(features, parameters)
    expected = np.einsum("vo,vop->vp", chances, features)
    squares = np.einsum("vo,vop,voq->pq", chances, features, features)
    return np.asarray(squares - expected.T @ expected + 2 * ridge * np.eye(len(parameters)))


def _meat(scores: Floats, turns: Sequence[Hashable]) -> Floats:
    """How much the pulls of whole turns vary."""
    numbers = {turn: number for number, turn in enumerate(dict.fromkeys(turns))}
    pulls = np.zeros((len(numbers), scores.shape[1]))
    np.add.at(pulls, [numbers[turn] for turn in turns], scores)
    return np.asarray(pulls.T @ pulls * len(numbers) / max(1, len(numbers) - 1))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
