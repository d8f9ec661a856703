"""How good guards and reviewers are, and how sure one can be of it."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """`num` of `total`, as a share with its 95 % interval."""

    num: int
    total: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two reviewers agree: as a share, and as Cohen's kappa, which takes off what chance alone would give.

    kappa is None where it is undefined: no pairs, or everybody always said the same.
    """

    num_pairs: int
    observed: float
    kappa: float | None


def wilson(num: int, total: int, *, z: float = Z_95) -> Share:
    """A share with Wilson's score interval, which stays in [0, 1] and holds for few cases too.

    Wilson 1927, JASA 22:209, without continuity correction. Raises ValueError unless 0 <= num <= total and total > 0.
    """
    if not 0 <= num <= total or total == 0:
        raise ValueError(f"{num} of {total} is no share")
    share = num / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return Share(num, total, share, max(0.0, centre - half), min(1.0, centre + half))


def agreement(pairs: Sequence[tuple[Hashable, Hashable]]) -> Agreement:
    """Cohen's kappa of what two reviewers said of the same cases (Cohen 1960, Educ. Psychol. Meas. 20:37)."""
    total = len(pairs)
    if total == 0:
        return Agreement(0, 0.0, None)
    observed = sum(first == second for first, second in pairs) / total
    firsts, seconds = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    by_chance = sum(firsts[answer] * seconds[answer] for answer in firsts) / total**2
    kappa = None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)
    return Agreement(total, observed, kappa)
