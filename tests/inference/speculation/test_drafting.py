"""The whole loop with a simulated model: what drafting gains, and that it never loses much."""

import random
from collections.abc import Callable, Sequence

import pytest

from inference.speculation.drafting import Drafting
from inference.speculation.ngram import NgramProposer
from inference.speculation.proposer import KeptRows, Proposer, SequenceView, most_drafts
from tests.inference.speculation.drafters import FlakyProposer, OracleProposer, WrongProposer, view_of

VOCAB = 1000


class Clock:
    """Stands still, unless a proposer takes time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class SlowProposer:
    """Another proposer, but each draft takes time."""

    def __init__(self, inner: Proposer, clock: Clock, *, seconds_per_draft: float) -> None:
        self._inner, self._clock, self._seconds_per_draft = inner, clock, seconds_per_draft

    def propose_all(self, views: Sequence[SequenceView], nums: Sequence[int]) -> list[list[int]]:
        answers = self._inner.propose_all(views, nums)
        self._clock.now += self._seconds_per_draft * max(map(len, answers))
        return answers

    def observe(self, kept: Sequence[KeptRows]) -> None:
        self._inner.observe(kept)

    def learn(self, view: SequenceView) -> None:
        self._inner.learn(view)

    def forget(self, request_id: str) -> None:
        self._inner.forget(request_id)


def cpu_step(num_rows: int) -> float:
    return 0.010 + 0.003 * (num_rows - 1)


def write(
    drafting: Drafting,
    prompt: Sequence[int],
    reply: Sequence[int],
    *,
    request_id: str = "a",
    step: Callable[[int], float] = cpu_step,
    clock: Clock | None = None,
) -> float:
    """Seconds until a model that says `reply` has said it, checking drafts as the engine does."""
    text, end = list(prompt), len(prompt) + len(reply)
    whole = [*prompt, *reply]
    clock = clock or Clock()
    while len(text) < end:
        view = view_of(text, request_id=request_id, num_prompt=len(prompt))
        limit = most_drafts(len(text), max_total_tokens=end, max_context=10_000)
        drafts = drafting.drafts_for([view], [limit])[0]
        assert len(drafts) <= limit
        seconds = step(1 + len(drafts))
        num_accepted = next((i for i, draft in enumerate(drafts) if draft != whole[len(text) + i]), len(drafts))
        text += whole[len(text) : len(text) + num_accepted + 1]
        drafting.checked(request_id, num_drafted=len(drafts), num_accepted=num_accepted)
        drafting.stepped(1 + len(drafts), seconds)
        clock.now += seconds
    drafting.finished(view_of(text, request_id=request_id, num_prompt=len(prompt)))
    assert text == whole
    return clock.now


def plain(reply: Sequence[int]) -> float:
    return len(reply) * cpu_step(1)


def lookups() -> Drafting:
    return Drafting(NgramProposer(), stop_ids=(), is_free=True)


def ids(rng: random.Random, num_tokens: int, *, vocab_size: int = VOCAB) -> list[int]:
    return [rng.randrange(vocab_size) for _ in range(num_tokens)]


def free_text(rng: random.Random, num_tokens: int) -> list[int]:
    """Every two or three tokens are a phrase that comes again and again, but what follows it does not."""
    phrases = [ids(rng, rng.choice((2, 3))) for _ in range(30)]
    text: list[int] = []
    while len(text) < num_tokens:
        text += [*rng.choice(phrases), rng.randrange(VOCAB)]
    return text[:num_tokens]


@pytest.mark.parametrize("length", [30, 300, 1000])
def test_free_text_loses_next_to_nothing(length: int) -> None:
    """The goal: never below 0.97 of plain decoding, also for the first and for a short reply."""
    rng = random.Random(length)
    reply = free_text(rng, length)
    assert write(lookups(), ids(rng, 50), reply) <= plain(reply) / 0.97


def test_a_rewrite_gains() -> None:
    """A copy with a change every thirty tokens: half as much time again would be the least to expect."""
    rng = random.Random(1)
    prompt = ids(rng, 400)
    reply = [token if i % 30 else rng.randrange(VOCAB) for i, token in enumerate(prompt)]
    assert plain(reply) / write(lookups(), prompt, reply) >= 1.5


def test_a_copy_is_noticed_in_the_middle_of_free_text() -> None:
    """Unused drafts are compared all along, so drafting is on a few tokens into the copy."""
    rng = random.Random(2)
    prompt, before = ids(rng, 300), free_text(rng, 600)
    drafting = lookups()
    seconds = write(drafting, prompt, [*before, *prompt])
    assert seconds <= plain(before) / 0.97 + plain(prompt) / 1.5


def test_drafts_that_are_always_wrong_are_given_up() -> None:
    """Whether they are looked up or computed at a tenth of the target's time; only the latter are tried again."""
    reply = ids(random.Random(3), 1000)
    wrong = WrongProposer({"a": reply}, vocab_size=VOCAB)
    looked_up = Drafting(wrong, stop_ids=(), is_free=True)
    assert write(looked_up, [], reply) == pytest.approx(plain(reply))
    assert looked_up.counters.num_drafts == 0
    clock = Clock()
    slow = SlowProposer(wrong, clock, seconds_per_draft=0.001)
    computed = Drafting(slow, stop_ids=(), is_free=False, clock=clock)
    assert write(computed, [], reply, clock=clock) <= plain(reply) / 0.97
    assert 0 < computed.counters.num_drafts < 20
    assert computed.counters.accepted_tokens == 0


@pytest.mark.parametrize("is_free", [True, False])
def test_drafts_that_are_always_right_are_used_to_the_full(is_free: bool) -> None:
    reply = ids(random.Random(4), 500)
    drafting = Drafting(OracleProposer({"a": reply}), stop_ids=(), is_free=is_free)
    assert plain(reply) / write(drafting, [], reply) >= 2
    assert drafting.counters.acceptance_rate == 1


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
def test_drafts_that_are_sometimes_right_never_lose(rate: float) -> None:
    reply = ids(random.Random(5), 1500)
    drafting = Drafting(FlakyProposer({"a": reply}, rate=rate, vocab_size=VOCAB), stop_ids=(), is_free=True)
    gain = plain(reply) / write(drafting, [], reply)
    assert gain >= (1.3 if rate == 0.8 else 0.97)


def test_nothing_is_drafted_past_a_stop_token_or_where_nothing_is_allowed() -> None:
    reply = [5, 6, 9, 7, 8, 5, 6, 9, 7, 8]
    drafting = Drafting(OracleProposer({"a": reply}), stop_ids={9}, is_free=False)
    assert drafting.drafts_for([view_of(reply[:1])], [5]) == [[6, 9]]
    assert drafting.drafts_for([view_of(reply[:1])], [0]) == [[]]
    assert drafting.drafts_for([], []) == []


def test_unused_drafts_are_neither_returned_nor_counted() -> None:
    text = [1, 2, 3, 4] * 3
    drafting = lookups()
    drafting.stepped(1, 0.01)
    drafting.stepped(2, 0.1)  # rows are dear here, and acceptance is not known yet
    assert drafting.drafts_for([view_of(text)], [4]) == [[]]
    assert drafting.counters.num_drafts == 0


def test_a_finished_request_leaves_nothing_behind() -> None:
    drafting = lookups()
    text = [1, 2, 3, 1, 2]
    drafting.drafts_for([view_of(text)], [4])
    drafting.finished(view_of(text))
    drafting.forget("unknown")
    assert not drafting._unused
    assert not drafting._adaptive._requests
