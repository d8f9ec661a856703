"""Small rules that every source of drafts obeys."""

from inference.speculation.ngram import NgramProposer
from inference.speculation.proposer import FirstAnswer, cut_after_stop, most_drafts
from inference.speculation.statistics import DraftCounters
from tests.inference.speculation.drafters import OracleProposer, view_of


def test_a_later_proposer_is_asked_only_where_the_earlier_ones_know_nothing() -> None:
    known, unknown = view_of([1, 2, 3, 1, 2], request_id="known"), view_of([1, 2, 3, 4, 5], request_id="unknown")
    oracle = OracleProposer({"known": [1, 2, 3, 1, 2, 9, 9], "unknown": [1, 2, 3, 4, 5, 6, 7]})
    both = FirstAnswer([NgramProposer(), oracle])
    assert both.propose_all([known, unknown], [2, 2]) == [[3, 1], [6, 7]]
    assert both.propose_all([known, unknown], [0, 0]) == [[], []]


def test_no_draft_reaches_beyond_the_reply_or_the_context() -> None:
    """One more token follows the accepted drafts, so the last token of a reply needs none."""
    assert most_drafts(10, max_total_tokens=12, max_context=100) == 1
    assert most_drafts(11, max_total_tokens=12, max_context=100) == 0
    assert most_drafts(10, max_total_tokens=100, max_context=12) == 2
    assert most_drafts(12, max_total_tokens=100, max_context=12) == 0
    assert most_drafts(13, max_total_tokens=12, max_context=12) == 0


def test_nothing_is_drafted_after_a_stop_token() -> None:
    assert cut_after_stop([4, 7, 5, 7], {7}) == [4, 7]
    assert cut_after_stop([4, 5], {7}) == [4, 5]


def test_counters_tell_how_often_each_position_was_right() -> None:
    counters = DraftCounters()
    for num_drafted, num_accepted in ((3, 2), (2, 0), (0, 0), (4, 4)):
        counters.add(num_drafted=num_drafted, num_accepted=num_accepted)
    assert (counters.num_drafts, counters.draft_tokens, counters.accepted_tokens) == (3, 9, 6)
    assert counters.accepted_tokens_per_pos == [2, 2, 1, 1]
    assert counters.acceptance_rate == 6 / 9
