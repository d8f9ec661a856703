"""Suffix lookup against a slow search through all texts, its bounds, and whose texts it uses."""

import gc
import random
import tracemalloc
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from inference.speculation.reply_store import KEY_TOKENS, ReplyStore, key_before
from inference.speculation.suffix import LONGEST_ENDING, MAX_DRAFTS, MIN_SHARE, SuffixProposer
from tests.inference.speculation.drafters import view_of


def search(texts: list[list[int]], tokens: list[int], num_tokens: int) -> list[int]:
    """Count the continuations of the longest shared ending, place by place, over all texts and the own one."""
    ending = tokens[-LONGEST_ENDING:]
    for n in range(len(ending), KEY_TOKENS - 1, -1):
        tails = [
            text[at + n :]
            for text in [*texts, tokens]
            for at in range(len(text) - n)
            if text[at : at + n] == ending[len(ending) - n :]
        ]
        if tails:
            drafts: list[int] = []
            while len(drafts) < min(num_tokens, n):
                known = [tail[len(drafts)] for tail in tails if len(tail) > len(drafts)]
                if not known:
                    break
                counts = Counter(known)
                most = max(counts.values())
                best = next(token for token in reversed(known) if counts[token] == most)
                if most < MIN_SHARE * len(known):
                    break
                drafts.append(best)
                tails = [tail for tail in tails if tail[: len(drafts)] == drafts]
            return drafts
    return []


small_texts = st.lists(st.lists(st.integers(0, 2), max_size=10), max_size=3)


@given(texts=small_texts, tokens=st.lists(st.integers(0, 2), min_size=1, max_size=12), num_tokens=st.integers(1, 8))
def test_it_finds_what_a_search_finds(texts: list[list[int]], tokens: list[int], num_tokens: int) -> None:
    """With so few places of each key that none is left out."""
    proposer = SuffixProposer()
    for text in texts:
        proposer.learn(view_of(text))
    for end in range(1, len(tokens) + 1):
        assert proposer.propose(view_of(tokens[:end]), num_tokens) == search(texts, tokens[:end], num_tokens)


def test_it_stops_where_the_places_disagree() -> None:
    proposer = SuffixProposer()
    for follower in (30, 30, 31):
        proposer.learn(view_of([1, 2, 3, 4, 20, follower, 40, 41]))
    for follower in (50, 51, 52):
        proposer.learn(view_of([5, 6, 7, 8, 20, follower, 40, 41]))
    assert proposer.propose(view_of([1, 2, 3, 4]), 4) == [20, 30, 40, 41]
    assert proposer.propose(view_of([5, 6, 7, 8], request_id="b"), 4) == [20]


def test_only_replies_are_learned() -> None:
    """A prompt may quote what another program put in; and it comes again by itself."""
    proposer = SuffixProposer()
    proposer.learn(view_of([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], num_prompt=5))
    assert proposer.propose(view_of([1, 2, 3]), 3) == []
    assert proposer.propose(view_of([6, 7, 8], request_id="b"), 3) == [9, 10]


def test_one_tenant_never_sees_what_another_wrote() -> None:
    """Neither as a draft, nor as the time that a right one saves."""
    proposer = SuffixProposer()
    secret = list(range(100, 140))
    proposer.learn(view_of(secret, cache_salt="ann"))
    running = view_of([*secret[:20], 7, 7, 7], cache_salt="ann", request_id="running")
    proposer.propose(running, 4)
    for salt in ("", "bob", "an", "ann "):
        assert proposer.propose(view_of(secret[:10], request_id=salt, cache_salt=salt), 8) == []
    assert proposer.propose(view_of(secret[:10], request_id="x", cache_salt="ann"), 8) == secret[10:18]


def test_never_more_than_the_cap() -> None:
    proposer = SuffixProposer()
    text = random.Random(1).sample(range(1000), 200)
    proposer.learn(view_of(text))
    assert proposer.propose(view_of(text[:100]), 1000) == text[100 : 100 + MAX_DRAFTS]


def test_what_it_keeps_stays_within_its_bound() -> None:
    """The estimate is held, and CPython needs no more than the estimate."""
    rng = random.Random(2)
    proposer = SuffixProposer(max_bytes=1 << 20)
    gc.collect()
    tracemalloc.start()
    for number in range(60):
        proposer.learn(view_of([rng.randrange(50_000) for _ in range(100)], cache_salt=f"tenant {number % 7}"))
        assert proposer.num_bytes <= 1 << 20
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert proposer.num_bytes > (1 << 20) * 0.9
    assert used < 1 << 20


def test_the_least_recently_used_reply_goes_first() -> None:
    texts = [[10 * i + j for j in range(10)] for i in range(4)]
    store_of_three = SuffixProposer(max_bytes=3 * 10 * 400)
    for text in texts[:3]:
        store_of_three.learn(view_of(text))
    assert store_of_three.propose(view_of(texts[0][:5]), 2) == texts[0][5:7]  # used, so the second is the oldest now
    store_of_three.learn(view_of(texts[3]))
    found = [bool(store_of_three.propose(view_of(text[:5], request_id=str(text)), 2)) for text in texts]
    assert found == [True, False, True, True]


def test_forgetting_everything_leaves_nothing() -> None:
    rng = random.Random(3)
    store = ReplyStore(max_bytes=10 * 40 * 400)
    for _ in range(200):
        store.add(rng.choice("ab"), [rng.randrange(4) for _ in range(rng.randrange(41))])
    store.add("c", range(1000, 1400))  # as large as the bound: everything else must go
    assert store.num_bytes == 400 * 400
    assert [store.places(salt, key_before([0, 0, 0], 3)) for salt in "ab"] == [(), ()]
    store.add("c", range(500))  # larger than the bound
    assert store.num_bytes == 400 * 400
