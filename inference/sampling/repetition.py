"""Keeping a reply from running in circles: the DRY rule ("don't repeat yourself", p-e-w 2024, as in llama.cpp).

A token is punished for going on with a phrase that stands in the reply already, the more the longer the phrase:

    reply   the cat sat on the mat . the dog saw that the cat sat on the | mat?
                        \\____________/                    \\____________/     goes on with 6 tokens that came before

Words may come back as often as they like; whole phrases may not. Only the reply is looked at, so quoting the prompt is
free. What is punished depends on the reply's tokens alone, so a reply that is cut and continued stays the same.
"""

from collections.abc import Sequence

import numpy as np

BASE = 1.75
ALLOWED_TOKENS = 5
"""So many repeated tokens cost nothing: "on the other hand, the" is no loop."""

LONGEST_TOKENS = 32
"""Longer repetitions are punished like these."""


def repetition_costs(reply_ids: Sequence[int], *, multiplier: float) -> dict[int, float]:
    """What to take off the logits of the tokens that would repeat a phrase, by token id."""
    ids = np.asarray(reply_ids, dtype=np.int64)
    costs: dict[int, float] = {}
    if multiplier == 0 or len(ids) <= ALLOWED_TOKENS:
        return costs
    followers = np.arange(1, len(ids))  # positions of tokens that something stands before
    for length in range(1, LONGEST_TOKENS + 1):
        # Of the followers, those before which the last `length` tokens of the reply stand too.
        followers = followers[followers >= length]
        followers = followers[ids[followers - length] == ids[-length]]
        if not len(followers):
            break
        if length > ALLOWED_TOKENS:
            cost = multiplier * BASE ** (length - ALLOWED_TOKENS)
            costs |= dict.fromkeys(ids[followers].tolist(), cost)
        if length == len(ids) - 1:
            break
    return costs
