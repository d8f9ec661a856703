"""The numbers that define a Llama, and the names and shapes of the tensors that follow from them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Llama3Scaling:
    """Llama 3.1's stretched rope: long wavelengths are divided by `factor`, short ones kept, a blend between."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_context: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rope:
    """Rotary embedding: base `theta`, and at most one of a scaling rule and ready-made divisors (GGUF's rope_freqs)."""

    theta: float
    scaling: Llama3Scaling | None = None
    divisors: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """A Llama decoder. `head_dim` is per head; `num_heads` is a multiple of `num_kv_heads`.

    `head_rows` is set where the head has a part of the vocabulary only, as on a rank of several (`parallel/plan.py`).
    """

    num_layers: int
    hidden_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    mlp_size: int
    vocab_size: int
    context_length: int
    norm_eps: float
    rope: Rope
    has_tied_head: bool
    head_rows: int = 0

    def __post_init__(self) -> None:
        sizes = (self.num_layers, self.hidden_size, self.num_heads, self.num_kv_heads, self.head_dim, self.mlp_size)
        if min(*sizes, self.vocab_size, self.context_length) < 1:
            raise ValueError(f"a size is not positive: {self}")
        if self.num_heads % self.num_kv_heads or self.head_dim % 2:
            raise ValueError(
                f"{self.num_heads} heads of {self.head_dim} do not fit {self.num_kv_heads} key-value heads"
            )

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor this model needs, by canonical name."""
        hidden, q_rows, kv_rows = self.hidden_size, self.num_heads * self.head_dim, self.num_kv_heads * self.head_dim
        layer: dict[str, tuple[int, ...]] = {
            "attention_norm": (hidden,),
            "q": (q_rows, hidden),
            "k": (kv_rows, hidden),
            "v": (kv_rows, hidden),
            "o": (hidden, q_rows),
            "mlp_norm": (hidden,),
            "gate": (self.mlp_size, hidden),
            "up": (self.mlp_size, hidden),
            "down": (hidden, self.mlp_size),
        }
        shapes: dict[str, tuple[int, ...]] = {"embedding": (self.vocab_size, hidden), "final_norm": (hidden,)}
        shapes |= {f"layers.{i}.{name}": shape for i in range(self.num_layers) for name, shape in layer.items()}
        return shapes if self.has_tied_head else shapes | {"head": (self.head_rows or self.vocab_size, hidden)}

    @property
    def num_parameters(self) -> int:
        """Weights of the model; a tied embedding counts once."""
        sizes = (rows * (columns[0] if columns else 1) for rows, *columns in self.tensor_shapes().values())
        return sum(sizes)
