"""The Llama decoder as one flat pass over the tokens of many sequences.

There is no batch dimension and no padding. The tokens of a step lie one after the other, whichever sequence and phase
they belong to (a chunk of one prompt, the next token of another), and everything but attention treats them as rows:

    ids        [ prompt of A: 64 tokens | next of B | next of C ]       T = 66
    segments     A rows 0-63, position 128   B row 64 ...   C row 65 ...

The residual stream is float32 throughout; matrices work in their own type.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from inference.model.attention import attend
from inference.model.kv import KvShape, SequenceKv
from inference.model.linear import ComputeDtype, DenseLinear, Head, Int4Linear, Int8Linear, Linear
from inference.model.rotary import RotaryTable, rotate
from inference.weights.checkpoint import Checkpoint, PackedMatrix, WeightSource
from inference.weights.shape import ModelShape


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Consecutive tokens of one sequence in a step: rows [row, row + num_tokens) at positions from `position` on.

    They lie in one attention tile, and `kv` has room for them.
    """

    kv: SequenceKv
    row: int
    num_tokens: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One decoder layer. q, k, v are one matrix, and so are gate and up: fewer, larger products."""

    attention_norm: Tensor
    qkv: Linear
    o: Linear
    mlp_norm: Tensor
    gate_up: Linear
    down: Linear


class Llama:
    """A model in memory."""

    def __init__(
        self,
        shape: ModelShape,
        *,
        embedding: Tensor,
        layers: Sequence[Layer],
        final_norm: Tensor,
        head: Head,
        max_context: int,
    ) -> None:
        self.shape = shape
        self.max_context = max_context
        self.kv_shape = KvShape(
            num_layers=shape.num_layers,
            num_kv_heads=shape.num_kv_heads,
            head_dim=shape.head_dim,
            dtype=embedding.dtype,
            device=str(embedding.device),
        )
        self._embedding = embedding
        self._layers = layers
        self._final_norm = final_norm
        self._head = head
        self._rope = RotaryTable(shape.rope, head_dim=shape.head_dim, num_positions=max_context)

    @torch.inference_mode()
    def forward(self, ids: Sequence[int], segments: Sequence[Segment], logit_rows: Sequence[int]) -> Tensor:
        """Compute T tokens, write their keys and values, and return logits [R, vocab] float32 of R chosen rows.

        `ids` has T token ids; the segments cover them in order. Counts the tokens as written in each `kv`.
        """
        positions = torch.cat([torch.arange(s.position, s.position + s.num_tokens) for s in segments])
        cos, sin = self._rope.at(positions)
        hidden = self._embedding[torch.tensor(ids)].float()
        for number, layer in enumerate(self._layers):
            hidden += self._attention(number, layer, hidden, cos, sin, segments)
            gate, up = layer.gate_up(self._norm(hidden, layer.mlp_norm)).chunk(2, dim=-1)
            hidden += layer.down(functional.silu(gate) * up)
        for segment in segments:
            segment.kv.num_tokens = max(segment.kv.num_tokens, segment.position + segment.num_tokens)
        return self._head(self._norm(hidden[list(logit_rows)], self._final_norm)) if logit_rows else hidden[:0]

    def _attention(
        self, number: int, layer: Layer, hidden: Tensor, cos: Tensor, sin: Tensor, segments: Sequence[Segment]
    ) -> Tensor:
        shape = self.shape
        heads = layer.qkv(self._norm(hidden, layer.attention_norm)).view(hidden.shape[0], -1, shape.head_dim)
        num_rotated = shape.num_heads + shape.num_kv_heads
        rotated = rotate(heads[:, :num_rotated], cos, sin).to(self.kv_shape.dtype)
        queries, keys, values = rotated[:, : shape.num_heads], rotated[:, shape.num_heads :], heads[:, num_rotated:]
        mixed = []
        for segment in segments:
            rows = slice(segment.row, segment.row + segment.num_tokens)
            segment.kv.write(number, segment.position, keys[rows], values[rows])
            all_keys, all_values = segment.kv.read(number, segment.position)
            mixed.append(attend(queries[rows], all_keys, all_values, first_position=segment.position))
        return layer.o(mixed[0] if len(mixed) == 1 else torch.cat(mixed))

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.rms_norm(x, weight.shape, weight, self.shape.norm_eps)


def load_model(checkpoint: Checkpoint, *, dtype: ComputeDtype, max_context: int, device: str = "cpu") -> Llama:
    """Read the weights into memory. With "int4", matrices that are not stored in 4 bits are kept in bfloat16."""
    builder = _Builder(checkpoint.weights, dtype=dtype, device=device)
    shape = checkpoint.shape
    with torch.inference_mode():
        embedding = builder.dense("embedding")
        head_rows = embedding if shape.has_tied_head else builder.dense("head")
        return Llama(
            shape,
            embedding=embedding,
            layers=[builder.layer(f"layers.{i}") for i in range(shape.num_layers)],
            final_norm=builder.norm("final_norm"),
            head=Head(head_rows, Int8Linear(head_rows) if dtype == "int4" else DenseLinear(head_rows)),
            max_context=max_context,
        )


class _Builder:
    def __init__(self, weights: WeightSource, *, dtype: ComputeDtype, device: str) -> None:
        self._weights = weights
        self._is_int4 = dtype == "int4"
        self._dtype = torch.float32 if dtype == "float32" else torch.bfloat16
        self._device = device

    def layer(self, prefix: str) -> Layer:
        return Layer(
            attention_norm=self.norm(f"{prefix}.attention_norm"),
            qkv=self.linear(*(f"{prefix}.{name}" for name in "qkv")),
            o=self.linear(f"{prefix}.o"),
            mlp_norm=self.norm(f"{prefix}.mlp_norm"),
            gate_up=self.linear(f"{prefix}.gate", f"{prefix}.up"),
            down=self.linear(f"{prefix}.down"),
        )

    def dense(self, name: str) -> Tensor:
        return self._weights.tensor(name, self._dtype).to(self._device)

    def norm(self, name: str) -> Tensor:
        return self._weights.tensor(name, torch.float32).to(self._device)

    def linear(self, *names: str) -> Linear:
        """One matrix with the rows of all these, in 4 bits if each is stored so."""
        packed = [self._weights.packed(name) for name in names] if self._is_int4 else [None]
        whole = [matrix for matrix in packed if matrix is not None and Int4Linear.fits(matrix)]
        if len(whole) == len(names):
            return Int4Linear(_stack(whole))
        return DenseLinear(torch.cat([self.dense(name) for name in names]))


def _stack(matrices: Sequence[PackedMatrix]) -> PackedMatrix:
    return PackedMatrix(
        values=torch.cat([matrix.values for matrix in matrices]),
        scales=torch.cat([matrix.scales for matrix in matrices]),
        offsets=torch.cat([matrix.offsets for matrix in matrices]),
    )
