"""Where the words end in letters that stand without a gap: "killhim" -> "kill him".

The likeliest words in a row, found from the left by dynamic programming: each place knows the cheapest way to reach it.
A word costs by its rank in data/words.txt, after Zipf's law: the words of our own texts (contrast.jsonl of the guard),
the most frequent first, then the words of four letters and more of MiniLM's vocabulary (Apache-2.0), in its order.
"""

from functools import cache
from itertools import pairwise
from math import inf, log
from pathlib import Path

_WORDS = Path(__file__).with_name("data") / "words.txt"
_UNKNOWN_LETTER_COST = 12.0
"""More than any word of the list costs: hardly a letter is left over if words can be made of it."""


def spaced(letters: str) -> str:
    """`letters` with spaces between its words, in linear time. What is in no word of the list stays in one piece."""
    costs, lower = _costs(), letters.lower()
    # best[end] is the cost of the first `end` letters, last[end] where their last word starts, known[end] if it is one.
    best = [0.0, *[inf] * len(lower)]
    last, known = [0] * len(best), [False] * len(best)
    for first in range(len(lower)):
        if best[first] + _UNKNOWN_LETTER_COST < best[first + 1]:
            best[first + 1], last[first + 1], known[first + 1] = best[first] + _UNKNOWN_LETTER_COST, first, False
        for end in range(first + 1, len(best)):
            word_cost = costs.get(lower[first:end])
            if word_cost is None:
                break
            if best[first] + word_cost < best[end]:
                best[end], last[end], known[end] = best[first] + word_cost, first, True
    return _cut(letters, last, known)


def _cut(letters: str, last: list[int], known: list[bool]) -> str:
    """The words that end where `last` leads back to; unknown letters next to each other are one."""
    ends = [len(letters)]
    while ends[-1] > 0:
        ends.append(last[ends[-1]])
    pieces: list[str] = []
    was_known = True
    for start, end in pairwise(reversed(ends)):
        if known[end] or was_known:
            pieces.append(letters[start:end])
        else:
            pieces[-1] += letters[start:end]
        was_known = known[end]
    return " ".join(pieces)


@cache
def _costs() -> dict[str, float]:
    """What each word costs; what only begins one is endless, and what is not here begins none."""
    words = _WORDS.read_text(encoding="utf-8").split()
    beginnings = {word[:length]: inf for word in words for length in range(1, len(word))}
    return beginnings | {word: log((rank + 1) * log(len(words))) for rank, word in enumerate(words)}
