"""Prompt lookup against a slow search through the whole text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.speculation.ngram import NgramProposer, continuation
from tests.inference.speculation.drafters import view_of

LENGTHS = (1, 2, 4)


def search(tokens: list[int], num_tokens: int) -> list[int]:
    """What the proposer promises, word for word."""
    for n in sorted(LENGTHS, reverse=True):
        for follower in range(len(tokens) - 1, n - 1, -1):
            if tokens[follower - n : follower] == tokens[len(tokens) - n :]:
                found = list(tokens)
                for i in range(num_tokens if n == max(LENGTHS) else min(n, num_tokens)):
                    found.append(found[follower + i])
                return found[len(tokens) :]
    return []


@given(
    tokens=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    steps=st.lists(st.integers(1, 5), max_size=30),
    num_tokens=st.integers(1, 9),
)
def test_it_finds_what_a_search_finds(tokens: list[int], steps: list[int], num_tokens: int) -> None:
    """However many tokens come between two calls."""
    proposer = NgramProposer(lengths=LENGTHS)
    end = 0
    for step in [*steps, len(tokens)]:
        end = min(end + step, len(tokens))
        assert proposer.propose(view_of(tokens[:end]), num_tokens) == search(tokens[:end], num_tokens)


def test_the_longest_ending_wins_and_then_the_latest_place() -> None:
    proposer = NgramProposer(lengths=(2, 4))
    tokens = [1, 2, 3, 4, 50, 9, 3, 4, 60, 9, 3, 4, 70, 1, 2, 3, 4]
    assert proposer.propose(view_of(tokens), 2) == [50, 9]
    assert proposer.propose(view_of([*tokens, 80, 3, 4], request_id="b"), 1) == [80]


def test_a_short_ending_promises_few_drafts() -> None:
    """Two equal tokens are no copy: after them, two drafts."""
    tokens = [1, 2, 3, 4, 5, 6, 7, 8, 2, 3]
    assert NgramProposer(lengths=(2, 4)).propose(view_of(tokens), 6) == [4, 5]
    assert NgramProposer(lengths=(2,)).propose(view_of(tokens), 6) == [4, 5, 6, 7, 8, 2]


def test_a_repetition_is_expected_to_go_on() -> None:
    assert continuation([7, 1, 2, 3], 1, 7) == [1, 2, 3, 1, 2, 3, 1]
    assert NgramProposer(lengths=(2,)).propose(view_of([5, 5, 5]), 4) == [5, 5, 5, 5]


def test_requests_do_not_see_each_other() -> None:
    proposer = NgramProposer()
    assert proposer.propose(view_of([1, 2, 3, 1, 2]), 1) == [3]
    assert proposer.propose(view_of([4, 1, 2], request_id="b"), 1) == []
    proposer.forget("a")
    proposer.forget("unknown")
    assert proposer.propose(view_of([9, 1, 2]), 1) == []


def test_lengths_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        NgramProposer(lengths=(0, 2))
