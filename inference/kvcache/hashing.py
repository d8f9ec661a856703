"""Names of full blocks: equal names mean equal tokens from the beginning of the sequence on, under the same salt.

    name of block 0 = H(salt, tokens 0-31)      name of block 1 = H(name of block 0, tokens 32-63)      ...

The hash is cryptographic because the salt has to keep tenants apart: with a weak one, somebody could make up tokens
that collide with another's, and tell by the answer, or by how soon it comes, what that one wrote.
"""

import hashlib
from collections.abc import Sequence
from typing import NewType

import numpy as np

from inference.kvcache.storage import BLOCK_TOKENS

BlockHash = NewType("BlockHash", bytes)


def chain_root(salt: str) -> BlockHash:
    """What stands before the first block of every sequence with this salt."""
    return BlockHash(hashlib.blake2b(salt.encode(), digest_size=32, person=b"cria-kv-salt").digest())


def next_names(before: BlockHash, token_ids: Sequence[int]) -> list[BlockHash]:
    """The names of the full blocks in `token_ids`, which follow the block called `before`. The rest is left out."""
    content = np.asarray(token_ids, dtype=np.int32)
    names = []
    for start in range(0, len(content) - BLOCK_TOKENS + 1, BLOCK_TOKENS):
        digest = hashlib.blake2b(before, digest_size=32)
        digest.update(content[start : start + BLOCK_TOKENS].tobytes())
        before = BlockHash(digest.digest())
        names.append(before)
    return names
