"""The Llama decoder in torch, as one flat pass over the tokens of a batch (batch.py).

There is no batch dimension and no padding. The residual stream is float32 throughout; matrices work in their own type.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from inference.errors import CheckpointError
from inference.kvcache.storage import KvShape, KvStorage, slots_of
from inference.model.attention import attend, blocks_of_tile
from inference.model.batch import Batch, Segment
from inference.model.linear import ComputeDtype, DenseLinear, Head, Int4Linear, Int8Linear, Linear, LogitHead
from inference.model.rotary import RotaryTable, rotate
from inference.weights.checkpoint import Checkpoint, PackedMatrix, WeightSource
from inference.weights.shape import ModelShape


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One decoder layer. q, k, v are one matrix, and so are gate and up: fewer, larger products."""

    attention_norm: Tensor
    qkv: Linear
    o: Linear
    mlp_norm: Tensor
    gate_up: Linear
    down: Linear


FEW_TOKENS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """Compute threads for a step of many tokens, and for one of a few."""

    for_many: int
    for_few: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Joints:
    """Where a model of which this process has a part becomes whole.

    whole_sum     what a layer's `o` and `down` give is added up over all parts
    whole_logits  the logits of this part's words become those of all words
    """

    whole_sum: Callable[[Linear], Linear]
    whole_logits: Callable[[LogitHead], LogitHead]


class Llama:
    """A model in memory. Without `threads` the setting of the process is left as it is."""

    def __init__(
        self,
        shape: ModelShape,
        *,
        embedding: Tensor,
        layers: Sequence[Layer],
        final_norm: Tensor,
        head: LogitHead,
        max_context: int,
        threads: Threads | None = None,
    ) -> None:
        self._threads = threads
        self.shape = shape
        self.max_context = max_context
        self.kv_shape = KvShape(
            num_layers=shape.num_layers,
            num_kv_heads=shape.num_kv_heads,
            head_dim=shape.head_dim,
            dtype=embedding.dtype,
            device=str(embedding.device),
        )
        self.embedding = embedding
        self._layers = layers
        self._final_norm = final_norm
        self._head = head
        self._rope = RotaryTable(
            shape.rope, head_dim=shape.head_dim, num_positions=max_context, device=str(embedding.device)
        )
        self._feature_layers: tuple[int, ...] = ()
        self._features: dict[int, Tensor] = {}

    def keep_features(self, layers: Sequence[int]) -> None:
        """From the next pass on, keep the residual stream that enters these layers, counted from 0.

        Raises ValueError if there is no such layer.
        """
        if not all(0 <= number < len(self._layers) for number in layers):
            raise ValueError(f"there are {len(self._layers)} layers, and not {', '.join(map(str, layers))}")
        self._feature_layers = tuple(layers)

    def features(self) -> Tensor:
        """[T, layers * hidden] float32 of all rows of the last pass, before any norm; layers side by side."""
        return torch.cat([self._features[number] for number in self._feature_layers], dim=-1)

    @torch.inference_mode()
    def forward(self, batch: Batch, kv: KvStorage) -> Tensor:
        """Compute T tokens, write their keys and values, and return logits [R, vocab] float32 of R chosen rows.

        The tokens of one segment lie in one attention tile.
        """
        if self._threads:  # costs a fraction of a microsecond
            torch.set_num_threads(self._threads.for_many if len(batch.ids) > FEW_TOKENS else self._threads.for_few)
        places = _Places.of(batch, device=self.kv_shape.device)
        cos, sin = self._rope.at(places.positions)
        hidden = self.embedding[torch.tensor(batch.ids)].float()
        for number, layer in enumerate(self._layers):
            if number in self._feature_layers:
                self._features[number] = hidden.clone()
            hidden += self._attention(number, layer, hidden, cos, sin, places, kv)
            gate, up = layer.gate_up(self._norm(hidden, layer.mlp_norm)).chunk(2, dim=-1)
            hidden += layer.down(functional.silu(gate) * up)
        rows = list(batch.logit_rows)
        return self._head(self._norm(hidden[rows], self._final_norm)).cpu() if rows else hidden[:0].cpu()

    def _attention(
        self, number: int, layer: Layer, hidden: Tensor, cos: Tensor, sin: Tensor, places: "_Places", kv: KvStorage
    ) -> Tensor:
        shape = self.shape
        heads = layer.qkv(self._norm(hidden, layer.attention_norm)).view(hidden.shape[0], -1, shape.head_dim)
        num_rotated = shape.num_heads + shape.num_kv_heads
        rotated = rotate(heads[:, :num_rotated], cos, sin).to(self.kv_shape.dtype)
        queries, keys, values = rotated[:, : shape.num_heads], rotated[:, shape.num_heads :], heads[:, num_rotated:]
        kv.write(number, places.slots, keys, values)
        mixed = []
        for segment, block_ids in places.read:
            all_keys, all_values = kv.read(number, block_ids)
            rows = slice(segment.row, segment.row + segment.num_tokens)
            mixed.append(attend(queries[rows], all_keys, all_values, first_position=segment.position))
        return layer.o(mixed[0] if len(mixed) == 1 else torch.cat(mixed))

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.rms_norm(x, weight.shape, weight, self.shape.norm_eps)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where the tokens of a batch stand, the same for all layers: positions [T], the slots [T] their keys and values
    go to, and for each segment the blocks its queries read."""

    positions: Tensor
    slots: Tensor
    read: Sequence[tuple[Segment, Tensor]]

    @classmethod
    def of(cls, batch: Batch, *, device: str) -> "_Places":
        positions: list[int] = []
        slots: list[int] = []
        for segment in batch.segments:
            positions += range(segment.position, segment.position + segment.num_tokens)
            slots += slots_of(segment.block_ids, segment.position, segment.num_tokens)
        read = [
            (segment, torch.tensor(blocks_of_tile(segment.block_ids, segment.position), device=device))
            for segment in batch.segments
        ]
        return cls(positions=torch.tensor(positions), slots=torch.tensor(slots, device=device), read=read)


def load_model(
    checkpoint: Checkpoint,
    *,
    dtype: ComputeDtype,
    max_context: int,
    device: str = "cpu",
    threads: Threads | None = None,
    joints: Joints | None = None,
) -> Llama:
    """Read the weights into memory. With "int4", matrices that are not stored in 4 bits are kept in bfloat16.

    `joints` make a checkpoint that is a part of a model compute as the whole. Raises CheckpointError for a type that
    only the code for GPUs knows.
    """
    if dtype in ("int8", "fp8") or (dtype == "int4" and device != "cpu"):
        raise CheckpointError(
            checkpoint.path, f"{dtype} on {device} cannot be computed by plain torch, which is needed"
        )
    builder = _Builder(checkpoint.weights, dtype=dtype, device=device, joints=joints)
    shape = checkpoint.shape
    with torch.inference_mode():
        embedding = builder.dense("embedding")
        head_rows = embedding if shape.has_tied_head else builder.dense("head")
        return Llama(
            shape,
            embedding=embedding,
            layers=[builder.layer(f"layers.{i}") for i in range(shape.num_layers)],
            final_norm=builder.norm("final_norm"),
            head=builder.head(head_rows),
            max_context=max_context,
            threads=threads,
        )


class _Builder:
    def __init__(
        self, weights: WeightSource, *, dtype: ComputeDtype, device: str, joints: Joints | None = None
    ) -> None:
        self._joints = joints
        self._weights = weights
        self._is_int4 = dtype == "int4"
        self._dtype = torch.float32 if dtype == "float32" else torch.bfloat16
        self._device = device

    def layer(self, prefix: str) -> Layer:
        return Layer(
            attention_norm=self.norm(f"{prefix}.attention_norm"),
            qkv=self.linear(*(f"{prefix}.{name}" for name in "qkv")),
            o=self.summed(f"{prefix}.o"),
            mlp_norm=self.norm(f"{prefix}.mlp_norm"),
            gate_up=self.linear(f"{prefix}.gate", f"{prefix}.up"),
            down=self.summed(f"{prefix}.down"),
        )

    def dense(self, name: str) -> Tensor:
        return self._weights.tensor(name, self._dtype).to(self._device)

    def norm(self, name: str) -> Tensor:
        return self._weights.tensor(name, torch.float32).to(self._device)

    def head(self, rows: Tensor) -> LogitHead:
        head = Head(rows, Int8Linear(rows) if self._is_int4 else DenseLinear(rows))
        return self._joints.whole_logits(head) if self._joints else head

    def summed(self, name: str) -> Linear:
        """A matrix of which a part may have only some columns."""
        return self._joints.whole_sum(self.linear(name)) if self._joints else self.linear(name)

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
