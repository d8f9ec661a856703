"""Suffix lookup: what followed these last tokens in earlier replies of the same tenant and in this very text.

After SuffixDecoding (Oliaro et al. 2024, arXiv:2411.04975), whose suffix tree with counts answers: of the places where
the longest known ending stood, how many went on with which token? Here the places themselves are kept, by the three
tokens before them; the counts fall out of comparing at most 32 of them. A reply can then be forgotten exactly, which a
tree with merged counts cannot do, and a token costs some 200 bytes instead of thousands.

    ending      ... is  what  I  mean | ?                     longest ending shared: 4 tokens, at three places
    places      I mean | it  .  Now ...     I mean | it  .  But ...     I mean | that  is ...
    proposal    it (2 of 3)   . (2 of 2)   Now (1 of 2: too unsure, stop)

Texts are kept per tenant, and a request is answered from its own tenant's and its own text only. Otherwise the speed of
a reply would tell one person what another one had been told.
"""

from collections import Counter
from collections.abc import Sequence

from inference.speculation.proposer import LookupProposer, SequenceView
from inference.speculation.reply_store import KEY_TOKENS, GrowingText, Place, ReplyStore, key_before

MAX_DRAFTS = 32
LONGEST_ENDING = 32
"""Endings are compared so far back. What agrees on 32 tokens is a copy."""

MIN_SHARE = 0.6
"""A continuation is followed while this share of the places agree on it."""

DRAFTS_PER_MATCHED_TOKEN = 1
"""A short ending promises little, whatever all of its places say: one draft for each token of it."""


class SuffixProposer(LookupProposer):
    """Follows the most frequent continuation of the longest known ending, for as long as the places agree.

    `max_bytes` bounds what is kept of earlier replies, of all tenants together; least recently used goes first.
    """

    def __init__(self, *, max_bytes: int = 32 << 20, min_share: float = MIN_SHARE) -> None:
        self._min_share = min_share
        self._store = ReplyStore(max_bytes=max_bytes)
        self._own: dict[str, GrowingText] = {}

    @property
    def num_bytes(self) -> int:
        """What the earlier replies take up, estimated."""
        return self._store.num_bytes

    def propose(self, view: SequenceView, num_tokens: int) -> list[int]:
        own = self._own.setdefault(view.request_id, GrowingText())
        own.extend(view.tokens)
        if len(view.tokens) < KEY_TOKENS:
            return []
        key = key_before(view.tokens, len(view.tokens))
        places = [*self._store.places(view.cache_salt, key), *own.places(key)]
        longest, best = _longest_matches(places, view.tokens[-LONGEST_ENDING:])
        for place in best:
            self._store.touch(place.text)
        limit = min(num_tokens, MAX_DRAFTS, longest * DRAFTS_PER_MATCHED_TOKEN)
        return most_frequent_path(best, limit, min_share=self._min_share)

    def learn(self, view: SequenceView) -> None:
        """Keep the reply for later requests of the same tenant. Prompts are not kept: they come again by themselves."""
        self._store.add(view.cache_salt, view.tokens[view.num_prompt :])

    def forget(self, request_id: str) -> None:
        self._own.pop(request_id, None)


def _longest_matches(places: Sequence[Place], ending: Sequence[int]) -> tuple[int, list[Place]]:
    lengths = [place.matched(ending) for place in places]
    longest = max(lengths, default=0)
    return longest, [place for place, length in zip(places, lengths, strict=True) if length == longest]


def most_frequent_path(places: Sequence[Place], limit: int, *, min_share: float) -> list[int]:
    """At each position the token that most places go on with; those that do not are left behind.

    Ends where a text ends, or where the agreeing ones are less than `min_share` of those still followed. Of equally
    frequent tokens the one of the latest place wins: places come in the order in which they were written.
    """
    drafts: list[int] = []
    while len(drafts) < limit:
        followers = [place.follower(len(drafts)) for place in places]
        counts = Counter(token_id for token_id in reversed(followers) if token_id is not None)
        if not counts:
            break
        best, num_agreeing = counts.most_common(1)[0]
        if num_agreeing < min_share * counts.total():
            break
        drafts.append(best)
        places = [place for place, follower in zip(places, followers, strict=True) if follower == best]
    return drafts
