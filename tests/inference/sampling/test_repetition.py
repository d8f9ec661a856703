"""Phrases may not come back for ever; words may."""

import random
from itertools import pairwise

from inference.sampling.repetition import ALLOWED_TOKENS, BASE, LONGEST_TOKENS, repetition_costs


def plainly(reply_ids: list[int], multiplier: float) -> dict[int, float]:
    """The rule said once more, without tricks."""
    costs: dict[int, float] = {}
    for position in range(1, len(reply_ids)):
        length = 0
        while length < min(position, LONGEST_TOKENS) and reply_ids[position - length - 1] == reply_ids[-length - 1]:
            length += 1
        if length > ALLOWED_TOKENS:
            cost = multiplier * BASE ** (length - ALLOWED_TOKENS)
            costs[reply_ids[position]] = max(cost, costs.get(reply_ids[position], 0.0))
    return costs


def test_the_costs_are_those_of_the_rule() -> None:
    """Small vocabularies make long repetitions of every kind, overlapping ones included."""
    rng = random.Random(8)
    for num_words in (1, 2, 3, 5):
        for length in (0, 1, 2, 6, 7, 40, 90):
            reply = [rng.randrange(num_words) for _ in range(length)]
            assert repetition_costs(reply, multiplier=0.8) == plainly(reply, 0.8)


def test_a_word_may_come_back_as_often_as_it_likes() -> None:
    """ "the" stands in every sentence."""
    reply = [token for number in range(100, 150) for token in (7, 8, 9, number)]
    assert repetition_costs(reply, multiplier=0.8) == {}


def test_a_loop_costs_more_the_longer_it_gets() -> None:
    """So it ends, however sure the model is."""
    phrase = list(range(20))
    costs = [repetition_costs([*phrase, *phrase[:length]], multiplier=0.8).get(length, 0.0) for length in range(20)]
    assert costs[: ALLOWED_TOKENS + 1] == [0.0] * (ALLOWED_TOKENS + 1)
    assert all(later > earlier for earlier, later in pairwise(costs[ALLOWED_TOKENS:]))
    assert costs[-1] > 1000


def test_only_what_repeats_is_punished() -> None:
    phrase = list(range(10))
    assert list(repetition_costs([*phrase, *phrase[:8]], multiplier=1.0)) == [8]
    assert repetition_costs([*phrase, *phrase[:8]], multiplier=0.0) == {}
