"""Who holds which block of keys and values, and which free blocks can still be found again.

A block that is full of committed tokens has a name: the hash of its tokens and of the name of the block before it
(hashing.py). While it is held, and afterwards until somebody needs the room, whoever begins with the same tokens finds
it. Free blocks wait in one line:

    next to be handed out ▶ | nameless | nameless | named, longest unused | ... | named, freed last |

Freeing a sequence's blocks from its end makes tails go before beginnings, which more requests share. The line is doubly
linked through two arrays, so that a found block leaves it from the middle in constant time. After vLLM's design
(docs/design/prefix_caching.md of vllm-project/vllm).
"""

from collections.abc import Callable, Sequence

from inference.kvcache.hashing import BlockHash
from inference.kvcache.storage import NULL_BLOCK


class BlockPool:
    """Blocks 1 .. num_blocks - 1; block 0 is the null block, which nobody holds.

    `on_reuse` hears of named blocks, in the order of the line, just before they are handed out and their names are
    forgotten: they still hold what they are called, and may be copied (host_tier.py).
    """

    def __init__(
        self, num_blocks: int, *, on_reuse: Callable[[Sequence[tuple[int, BlockHash]]], None] | None = None
    ) -> None:
        if num_blocks < 2:
            raise ValueError(f"a pool needs a block beside the null block, not {num_blocks} in all")
        self.num_blocks = num_blocks
        self._num_holders = [0] * num_blocks
        self._names: list[BlockHash | None] = [None] * num_blocks
        self._by_name: dict[BlockHash, int] = {}
        # The ends of the line are linked through the null block.
        self._next = [*range(1, num_blocks), NULL_BLOCK]
        self._previous = [num_blocks - 1, *range(num_blocks - 1)]
        self.num_free = num_blocks - 1
        self._on_reuse = on_reuse

    @property
    def num_held(self) -> int:
        """Blocks that at least one sequence holds."""
        return self.num_blocks - 1 - self.num_free

    @property
    def num_named(self) -> int:
        """Blocks that can be found by what they hold."""
        return len(self._by_name)

    def find(self, names: Sequence[BlockHash]) -> list[int]:
        """The blocks of the longest known beginning of `names`. They are not held by that: `hold` them before others
        are handed out, or they may be among those."""
        found = []
        for name in names:
            block_id = self._by_name.get(name)
            if block_id is None:
                break
            found.append(block_id)
        return found

    def hold(self, block_ids: Sequence[int]) -> None:
        """One more holder for each of these."""
        for block_id in block_ids:
            if self._num_holders[block_id] == 0:
                self._unlink(block_id)
            self._num_holders[block_id] += 1

    def num_free_among(self, block_ids: Sequence[int]) -> int:
        """How many of these nobody holds: holding them makes as many fewer to hand out."""
        return sum(self._num_holders[block_id] == 0 for block_id in block_ids)

    def allocate(self, num_blocks: int) -> list[int]:
        """Nameless blocks with one holder. There must be as many free ones; what they held cannot be found any more."""
        assert num_blocks <= self.num_free
        block_ids: list[int] = []
        for _ in range(num_blocks):
            block_ids.append(self._next[block_ids[-1] if block_ids else NULL_BLOCK])
        if self._on_reuse and (named := [(i, name) for i in block_ids if (name := self._names[i])]):
            self._on_reuse(named)  # if this fails, nothing has been handed out
        for block_id in block_ids:
            self._unlink(block_id)
            self._forget(block_id)
            self._num_holders[block_id] = 1
        return block_ids

    def free(self, block_ids: Sequence[int]) -> None:
        """One holder fewer for each block of a sequence, given from its beginning to its end."""
        for block_id in reversed(block_ids):
            assert self._num_holders[block_id] > 0
            self._num_holders[block_id] -= 1
            if self._num_holders[block_id] == 0:
                self._link(block_id, at_end=self._names[block_id] is not None)

    def name(self, block_id: int, name: BlockHash) -> None:
        """A held block is full of committed tokens: from now on it is found. A second block of that name is not."""
        assert self._num_holders[block_id] > 0
        if self._names[block_id] is None and name not in self._by_name:
            self._names[block_id] = name
            self._by_name[name] = block_id

    def forget_all(self) -> None:
        """Nothing is found any more: after a fault nobody knows what the blocks hold."""
        for block_id in list(self._by_name.values()):
            self._forget(block_id)

    def check_integrity(self) -> None:
        """Raises AssertionError unless line, holders and names agree."""
        line, block_id = [], self._next[NULL_BLOCK]
        while block_id != NULL_BLOCK:
            assert self._previous[self._next[block_id]] == block_id
            line.append(block_id)
            block_id = self._next[block_id]
        assert len(line) == len(set(line)) == self.num_free
        assert set(line) == {i for i in range(1, self.num_blocks) if self._num_holders[i] == 0}
        assert min(self._num_holders) >= 0
        assert self._num_holders[NULL_BLOCK] == 0
        assert {i: name for i, name in enumerate(self._names) if name} == {i: n for n, i in self._by_name.items()}

    def _forget(self, block_id: int) -> None:
        name = self._names[block_id]
        if name is not None:
            del self._by_name[name]
            self._names[block_id] = None

    def _unlink(self, block_id: int) -> None:
        before, after = self._previous[block_id], self._next[block_id]
        self._next[before], self._previous[after] = after, before
        self.num_free -= 1

    def _link(self, block_id: int, *, at_end: bool) -> None:
        after = NULL_BLOCK if at_end else self._next[NULL_BLOCK]
        before = self._previous[after]
        self._next[before] = self._previous[after] = block_id
        self._previous[block_id], self._next[block_id] = before, after
        self.num_free += 1
