"""What is in a checkpoint, in numbers and names that can be printed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from inference.weights.checkpoint import Checkpoint, Stored

ATTENTION, MLP = ("q", "k", "v", "o"), ("gate", "up", "down")


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorGroup:
    """Tensors with one purpose. `types` says how many are stored in which type."""

    name: str
    num_tensors: int
    num_bytes: int
    types: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A checkpoint as people are told of it. `stops` are the names of the tokens that end a reply."""

    path: str
    name: str
    licence: str
    notice: str
    num_parameters: int
    num_layers: int
    hidden_size: int
    mlp_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    context_length: int
    rope: str
    has_tied_head: bool
    vocab_size: int
    num_special: int
    chat_format: str
    stops: tuple[str, ...]
    groups: tuple[TensorGroup, ...]

    @property
    def num_bytes(self) -> int:
        """All weights as they are stored."""
        return sum(group.num_bytes for group in self.groups)


def contents(checkpoint: Checkpoint) -> Contents:
    """Reads headers only."""
    shape, card, tokenizer = checkpoint.shape, checkpoint.card, checkpoint.tokenizer
    names = {token_id: name for name, token_id in tokenizer.special.items()}
    return Contents(
        path=str(checkpoint.path),
        name=card.name,
        licence=card.licence,
        notice=card.notice,
        num_parameters=shape.num_parameters,
        num_layers=shape.num_layers,
        hidden_size=shape.hidden_size,
        mlp_size=shape.mlp_size,
        num_heads=shape.num_heads,
        num_kv_heads=shape.num_kv_heads,
        head_dim=shape.head_dim,
        context_length=shape.context_length,
        rope=_rope(checkpoint),
        has_tied_head=shape.has_tied_head,
        vocab_size=shape.vocab_size,
        num_special=len(tokenizer.special),
        chat_format=checkpoint.chat_format.name,
        stops=tuple(names.get(token_id, str(token_id)) for token_id in sorted(checkpoint.stop_ids)),
        groups=_groups(checkpoint.weights.stored()),
    )


def _rope(checkpoint: Checkpoint) -> str:
    rope = checkpoint.shape.rope
    base = f"base {rope.theta:g}"
    if rope.scaling:
        return f"{base}, stretched {rope.scaling.factor:g} times beyond {rope.scaling.original_context} tokens"
    return f"{base}, stretched up to {max(rope.divisors):g} times" if rope.divisors else base


def _groups(stored: Mapping[str, Stored]) -> tuple[TensorGroup, ...]:
    by_group: dict[str, list[Stored]] = {}
    for name, tensor in stored.items():
        by_group.setdefault(_group_of(name), []).append(tensor)
    return tuple(
        TensorGroup(
            name=group,
            num_tensors=len(tensors),
            num_bytes=sum(tensor.num_bytes for tensor in tensors),
            types=dict(Counter(tensor.type for tensor in tensors)),
        )
        for group, tensors in by_group.items()
    )


def _group_of(name: str) -> str:
    part = name.rpartition(".")[2]
    if part in ATTENTION:
        return "attention"
    return "mlp" if part in MLP else "norms" if part.endswith("norm") else part
