"""Gumbel noise that is a function and not a stream.

argmax over i of (log p_i + g_i), with independent Gumbel noise g_i, draws from p. Here g_i depends on the seed, the
position in the reply and the token id alone. Nothing is carried from one token to the next, so a reply that is cut
anywhere, moved to another process and continued there is token for token the reply that was never cut; and one whose
tokens were guessed ahead is the one whose tokens were not.
"""

import math

import numpy as np
from numpy.typing import NDArray

_MASK = (1 << 64) - 1
_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def gumbel_noise(seed: int, position: int, token_ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standard Gumbel noise for these tokens at this position, always the same for the same arguments."""
    bits = _bits(seed, position, token_ids.astype(np.uint64))
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    noise: NDArray[np.float64] = -np.log(-np.log(uniform))
    return noise


def ids_of_loud_noise(seed: int, position: int, num_tokens: int, *, level: float) -> NDArray[np.int64]:
    """Of the tokens 0 to `num_tokens` - 1 all whose noise is `level` or more, and hardly any other."""
    # g >= level means that 1 - u is at most this; a rounding error more does no harm.
    share = -math.expm1(-math.exp(min(-level, 700.0)))
    most = min(math.ceil(share * (1 + 1e-9) * 2.0**53) + 1, (1 << 53) - 1)
    bits = _bits(seed, position, np.arange(num_tokens, dtype=np.uint64))
    found: NDArray[np.int64] = np.flatnonzero(bits >= np.uint64(((1 << 53) - 1 - most) << 11))
    return found


def key_of_seed(seed: int) -> int:
    """What a seed adds to every hash, 64 bits without sign: for those who compute the rest elsewhere."""
    return _mix(seed & _MASK)


def seed_of_choice(seed: int, index: int) -> int:
    """The seed of the `index`-th of several replies to one prompt. The first one's is `seed` itself."""
    return seed if index == 0 else _mix((seed & _MASK) ^ (index * _STEP & _MASK))


def _mix(value: int) -> int:
    """splitmix64's finaliser: every input bit moves every output bit (Steele et al. 2014)."""
    value = (value + _STEP) & _MASK
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def _bits(seed: int, position: int, token_ids: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """`_mix` of every token id with a key made of seed and position; arithmetic wraps as it should."""
    key = _mix(key_of_seed(seed) ^ (position & _MASK))
    values = (token_ids ^ np.uint64(key)) + np.uint64(_STEP)
    values ^= values >> np.uint64(30)
    values *= np.uint64(_FIRST)
    values ^= values >> np.uint64(27)
    values *= np.uint64(_SECOND)
    values ^= values >> np.uint64(31)
    return values
