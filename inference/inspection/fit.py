"""How many bytes a model needs in memory, and how many it reads for each token it writes.

    resident   = all weights                       + keys and values of the context
    per token  = all weights but the embedding table + keys and values of the context so far

Reading them is what decoding waits for, so rate / bytes per token bounds the speed of a single reply.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from inference.inspection.machine import Machine
from inference.weights.checkpoint import Checkpoint
from inference.weights.shape import ModelShape, Rope

KV_BYTES = 2
"""Keys and values are kept in bfloat16."""
PER_1K = 1000

# Bytes a weight; 4 bits in groups of 32 with a half-precision scale and offset (Q4_1), and a head of 8 bits.
BYTES_A_WEIGHT = {"bf16": 2.0, "int8": 1.0, "int4": 0.625}
HEAD_BYTES_A_WEIGHT = {"bf16": 2.0, "int8": 1.0, "int4": 1.0}


def _llama3(num_layers: int, hidden: int, heads: int, mlp: int) -> ModelShape:
    return ModelShape(
        num_layers=num_layers,
        hidden_size=hidden,
        num_heads=heads,
        num_kv_heads=8,
        head_dim=hidden // heads,
        mlp_size=mlp,
        vocab_size=128256,
        context_length=8192,
        norm_eps=1e-5,
        rope=Rope(theta=500000.0),
        has_tied_head=False,
    )


LLAMA3_SIZES = {
    "Llama 3 8B": _llama3(32, 4096, 32, 14336),
    "Llama 3 70B": _llama3(80, 8192, 64, 28672),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a model asks for. `token_bytes` is without keys and values."""

    name: str
    weight_bytes: int
    token_bytes: int
    kv_bytes_per_token: int

    def fits(self, machine: Machine, *, context: int = PER_1K) -> bool:
        """Whether the weights and one context of this many tokens go into what is free."""
        return self.weight_bytes + context * self.kv_bytes_per_token <= machine.free_bytes

    def tokens_per_s(self, machine: Machine, *, context: int = 0) -> float:
        """An upper bound: nothing is computed, only read."""
        return machine.read_bytes_per_s / (self.token_bytes + context * self.kv_bytes_per_token)

    def context_that_fits(self, machine: Machine) -> int:
        """Tokens of keys and values for which there is room beside the weights."""
        return max(machine.free_bytes - self.weight_bytes, 0) // self.kv_bytes_per_token


def need_of(checkpoint: Checkpoint) -> Need:
    """The checkpoint as it is stored."""
    stored = checkpoint.weights.stored()
    whole = sum(tensor.num_bytes for tensor in stored.values())
    table = 0 if checkpoint.shape.has_tied_head else stored["embedding"].num_bytes
    return Need(
        name="as stored",
        weight_bytes=whole,
        token_bytes=whole - table,
        kv_bytes_per_token=kv_bytes_per_token(checkpoint.shape),
    )


def need_in(name: str, shape: ModelShape, kind: str) -> Need:
    """A model of this shape with its matrices in `kind`, one of BYTES_A_WEIGHT. The embedding table stays bfloat16."""
    ends = shape.vocab_size * shape.hidden_size
    layers = shape.num_parameters - ends * (1 if shape.has_tied_head else 2)
    head = int(ends * HEAD_BYTES_A_WEIGHT[kind])
    read = int(layers * BYTES_A_WEIGHT[kind]) + head
    return Need(
        name=f"{name} {kind}".strip(),
        weight_bytes=read + (0 if shape.has_tied_head else 2 * ends),
        token_bytes=read,
        kv_bytes_per_token=kv_bytes_per_token(shape),
    )


def kv_bytes_per_token(shape: ModelShape) -> int:
    """Keys and values of one token in all layers."""
    return 2 * shape.num_layers * shape.num_kv_heads * shape.head_dim * KV_BYTES


def known_needs(names: Iterable[str] = LLAMA3_SIZES) -> list[Need]:
    """The two sizes of Llama 3 in each type, to compare with."""
    return [need_in(name, LLAMA3_SIZES[name], kind) for name in names for kind in BYTES_A_WEIGHT]
