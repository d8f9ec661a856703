"""Which part of each tensor a rank has."""

from dataclasses import dataclass, replace

from inference.weights.part import Part
from inference.weights.shape import ModelShape

BY_ROWS, BY_COLUMNS = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Rank `rank` of `num_ranks`. Raises ValueError if the model cannot be cut into so many.

    Heads are never cut. With more ranks than key-value heads, several ranks have the same one. A vocabulary that does
    not divide evenly gives the last ranks one word less or more.
    """

    shape: ModelShape
    num_ranks: int
    rank: int

    def __post_init__(self) -> None:
        shape, ranks = self.shape, self.num_ranks
        if not 0 <= self.rank < ranks:
            raise ValueError(f"there is no rank {self.rank} of {ranks}")
        if shape.num_heads % ranks or shape.mlp_size % ranks:
            raise ValueError(
                f"{shape.num_heads} heads and an MLP of {shape.mlp_size} do not divide among {ranks} ranks"
            )
        if shape.num_kv_heads % ranks and ranks % shape.num_kv_heads:
            raise ValueError(f"{shape.num_kv_heads} key-value heads do not divide among {ranks} ranks")

    @property
    def local_shape(self) -> ModelShape:
        """The model as this rank computes it: fewer heads, a narrower MLP, a head over some of the words."""
        words = self.words
        return replace(
            self.shape,
            num_heads=self.shape.num_heads // self.num_ranks,
            num_kv_heads=len(self._kv_heads),
            mlp_size=self.shape.mlp_size // self.num_ranks,
            has_tied_head=False,
            head_rows=len(words),
        )

    @property
    def words(self) -> range:
        """The part of the vocabulary whose logits this rank computes."""
        size = self.shape.vocab_size
        return range(size * self.rank // self.num_ranks, size * (self.rank + 1) // self.num_ranks)

    @property
    def most_words(self) -> int:
        """The largest part any rank has."""
        return -(-self.shape.vocab_size // self.num_ranks)

    def part(self, name: str) -> Part | None:
        """The part of the tensor `name` that this rank has; None for all of it."""
        dim = self.shape.head_dim
        match name.rpartition(".")[2]:
            case "q":
                return _part(BY_ROWS, self._heads, dim)
            case "k" | "v":
                return _part(BY_ROWS, self._kv_heads, dim)
            case "o":
                return _part(BY_COLUMNS, self._heads, dim)
            case "gate" | "up":
                return _part(BY_ROWS, self._mlp)
            case "down":
                return _part(BY_COLUMNS, self._mlp)
            case "head":
                return _part(BY_ROWS, self.words)
        return None

    @property
    def _heads(self) -> range:
        return _share(self.shape.num_heads, self.rank, self.num_ranks)

    @property
    def _kv_heads(self) -> range:
        num_kv_heads = self.shape.num_kv_heads
        if num_kv_heads >= self.num_ranks:
            return _share(num_kv_heads, self.rank, self.num_ranks)
        # The head that this rank's queries look at.
        head = self.rank * num_kv_heads // self.num_ranks
        return range(head, head + 1)

    @property
    def _mlp(self) -> range:
        return _share(self.shape.mlp_size, self.rank, self.num_ranks)


def _share(size: int, rank: int, num_ranks: int) -> range:
    each = size // num_ranks
    return range(rank * each, (rank + 1) * each)


def _part(axis: int, entries: range, unit: int = 1) -> Part:
    return Part(axis=axis, start=entries.start * unit, stop=entries.stop * unit)
