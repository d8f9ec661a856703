"""Which blocks of a draft model's storage hold what they should.

The draft model keeps its keys and values under the target's block ids, so nobody counts or frees blocks a second time.
But a block may have been filled by the target alone, or freed and given to another text. So each block is remembered
by the name (kvcache/hashing.py) of what the draft model computed into it; it is valid for a sequence whose block has
that name, and nobody has to tell the draft model when a block changes hands.

    block ids of a sequence        7       3       9
    names of its full blocks       a       b       (not full)
    computed by the draft model    7: a    3: x              -> the first block is valid, positions from 32 on are not
"""

from collections.abc import Sequence

from inference.kvcache.hashing import BlockHash, chain_root, next_names
from inference.kvcache.storage import BLOCK_TOKENS


class ComputedBlocks:
    """Names by block id. A block without one is not valid for anybody."""

    def __init__(self) -> None:
        self._names: dict[int, BlockHash] = {}

    def holds(self, block_id: int, name: BlockHash) -> bool:
        return self._names.get(block_id) == name

    def num_valid(self, block_ids: Sequence[int], names: Sequence[BlockHash], *, first: int = 0) -> int:
        """How many of the first blocks hold what has these names, if those before number `first` do."""
        number, most = first, min(len(block_ids), len(names))
        while number < most and self.holds(block_ids[number], names[number]):
            number += 1
        return number

    def about_to_write(self, block_ids: Sequence[int], names: Sequence[BlockHash], start: int, end: int) -> None:
        """Positions [start, end) will be computed: their blocks lose their names, unless the same comes in again."""
        for number in range(start // BLOCK_TOKENS, (end - 1) // BLOCK_TOKENS + 1):
            if number >= len(names) or not self.holds(block_ids[number], names[number]):
                self._names.pop(block_ids[number], None)

    def have_written(self, block_ids: Sequence[int], names: Sequence[BlockHash], start: int, end: int) -> None:
        """Positions [start, end) hold chosen tokens, as do those before: name the blocks that end among them."""
        for number in range(start // BLOCK_TOKENS, end // BLOCK_TOKENS):
            self._names[block_ids[number]] = names[number]


class BlockNames:
    """The names of the full blocks of one sequence, extended as it grows."""

    def __init__(self, *, salt: str) -> None:
        self._root = chain_root(salt)
        self.names: list[BlockHash] = []

    def extend(self, tokens: Sequence[int]) -> None:
        """Name the blocks that have become full. Tokens are only ever appended."""
        start = len(self.names) * BLOCK_TOKENS
        if len(tokens) >= start + BLOCK_TOKENS:
            self.names += next_names(self.names[-1] if self.names else self._root, tokens[start:])
