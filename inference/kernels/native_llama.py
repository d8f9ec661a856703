"""A quantised Llama whose forward pass is one native call."""

import weakref
from array import array
from typing import Literal, Self

import torch
from torch import Tensor

from inference.kernels.library import (
    COLUMNS_OF_A_BLOCK,
    MAX_LEVELS,
    Isa,
    LayerStruct,
    ModelStruct,
    NativeLibrary,
    PackedWeight,
    ShapeStruct,
    StepStruct,
    load,
    zeroed,
)
from inference.kvcache.storage import KvShape, KvStorage
from inference.model.batch import Batch
from inference.model.rotary import RotaryTable
from inference.weights.checkpoint import Checkpoint, WeightSource
from inference.weights.shape import ModelShape

MATRICES = ("q", "k", "v", "o", "gate", "up", "down")
NORMS = ("attention_norm", "mlp_norm")

InputBits = Literal[8, 16]


class NativeLlama:
    """Fulfils `DecoderModel`. A row is bit for bit the same whatever rows, chunks and threads there are beside it.

    `num_threads` may be changed between two steps. One step at a time.

    `input_bits` is what inputs of products are rounded to. With 16 the answers are those of float32 on every processor,
    at the same speed for one row, where memory is the limit, and four fifths of it for long prompts (three fifths
    without VNNI). The head, which is applied to few rows and is most sensitive, always has 16.
    """

    def __init__(
        self,
        library: NativeLibrary,
        checkpoint: Checkpoint,
        *,
        max_context: int,
        num_threads: int,
        isa: Isa = Isa.BEST,
        input_bits: InputBits = 16,
    ) -> None:
        self.shape = checkpoint.shape
        self.max_context = max_context
        self.num_threads = num_threads
        self.isa = library.best_isa if isa is Isa.BEST else isa
        self.kv_shape = KvShape(
            num_layers=self.shape.num_layers,
            num_kv_heads=self.shape.num_kv_heads,
            head_dim=self.shape.head_dim,
            dtype=torch.bfloat16,
        )
        self.input_bits: InputBits = input_bits
        self._library = library
        self._weights = _Weights(library, checkpoint, levels=self.input_bits // 8)
        positions = torch.arange(max_context)
        rope = RotaryTable(self.shape.rope, head_dim=self.shape.head_dim, num_positions=max_context)
        self._cos, self._sin = (part.contiguous() for part in rope.at(positions))
        self._handle = library.create(self._model(), self.isa)
        weakref.finalize(self, library.destroy, self._handle)

    @staticmethod
    def fits(checkpoint: Checkpoint) -> str:
        """Why this checkpoint cannot be run here; empty if it can."""
        if load() is None:
            return "there are no native kernels"
        stored = checkpoint.weights.stored()
        for name, shape in checkpoint.weights.shapes().items():
            if len(shape) != 2:
                continue
            block = COLUMNS_OF_A_BLOCK.get(stored[name].type)
            if block is None:
                return f"the tensor {name} is stored as {stored[name].type}"
            if shape[1] % block:
                return f"the tensor {name} has {shape[1]} columns, not a multiple of {block}"
        return ""

    @classmethod
    def load(cls, checkpoint: Checkpoint, max_context: int, num_threads: int) -> Self:
        """The model in memory. Only for a checkpoint that `fits`."""
        library = load()
        assert library is not None
        return cls(library, checkpoint, max_context=max_context, num_threads=num_threads)

    def forward(self, batch: Batch, kv: KvStorage) -> Tensor:
        """Compute all tokens, write their keys and values, return logits [R, vocab] float32.

        Raises ValueError if an id, position, block or row is out of range; nothing is computed then.
        """
        assert kv.shape == self.kv_shape
        ids, rows = array("i", batch.ids), array("i", batch.logit_rows)
        segments, block_ids = array("i"), array("i")
        for segment in batch.segments:
            segments.extend((segment.row, segment.num_tokens, segment.position, len(block_ids)))
            block_ids.extend(segment.block_ids)
        logits = torch.empty(len(rows), self.shape.vocab_size)
        step = StepStruct(
            num_tokens=len(ids),
            num_segments=len(batch.segments),
            num_logit_rows=len(rows),
            num_block_ids=len(block_ids),
            ids=_address(ids),
            segments=_address(segments),
            block_ids=_address(block_ids),
            logit_rows=_address(rows),
            keys=kv.keys.data_ptr(),
            values=kv.values.data_ptr(),
            num_blocks=kv.num_blocks,
            logits=logits.data_ptr(),
        )
        self._library.forward(self._handle, step, num_threads=self.num_threads)
        return logits

    def _model(self) -> ModelStruct:
        shape, weights = self.shape, self._weights
        return ModelStruct(
            shape=ShapeStruct(
                num_layers=shape.num_layers,
                hidden=shape.hidden_size,
                num_heads=shape.num_heads,
                num_kv_heads=shape.num_kv_heads,
                head_dim=shape.head_dim,
                mlp=shape.mlp_size,
                vocab=shape.vocab_size,
                max_context=self.max_context,
                eps=shape.norm_eps,
            ),
            layers=(LayerStruct * shape.num_layers)(*(weights.layer(f"layers.{i}") for i in range(shape.num_layers))),
            embedding=weights.matrices["embedding"].struct,
            head=weights.matrices["embedding" if shape.has_tied_head else "head"].struct,
            final_norm=weights.norms["final_norm"].data_ptr(),
            cos=self._cos.data_ptr(),
            sin=self._sin.data_ptr(),
        )


class _Weights:
    """All tensors of a model in the kernels' layout: matrices in one piece of memory, in the order they are used."""

    def __init__(self, library: NativeLibrary, checkpoint: Checkpoint, *, levels: int) -> None:
        source = checkpoint.weights
        self.norms: dict[str, Tensor] = {}
        self.matrices: dict[str, PackedWeight] = {}
        names = _in_order(checkpoint.shape)
        stored = source.stored()
        sizes = {name: library.packed_bytes(stored[name].type, _matrix_shape(source, name)) for name in names}
        memory = zeroed(sum(sizes.values()))
        library.prefer_large_pages(memory)
        start = 0
        for name in names:
            blocks = source.blocks(name)
            assert blocks is not None
            is_head = name in ("head", "embedding")
            piece = memory[start : start + sizes[name]]
            self.matrices[name] = library.pack(blocks, piece, levels=MAX_LEVELS if is_head else levels)
            start += sizes[name]
        for name, shape in source.shapes().items():
            if len(shape) == 1:
                self.norms[name] = source.tensor(name, torch.float32).contiguous()

    def layer(self, prefix: str) -> LayerStruct:
        return LayerStruct(
            **{name: self.norms[f"{prefix}.{name}"].data_ptr() for name in NORMS},
            **{name: self.matrices[f"{prefix}.{name}"].struct for name in MATRICES},
        )


def _in_order(shape: ModelShape) -> list[str]:
    layers = [f"layers.{i}.{name}" for i in range(shape.num_layers) for name in MATRICES]
    return [*layers, *([] if shape.has_tied_head else ["head"]), "embedding"]


def _matrix_shape(source: WeightSource, name: str) -> tuple[int, int]:
    rows, columns = source.shapes()[name]
    return rows, columns


def _address(numbers: "array[int]") -> int:
    return numbers.buffer_info()[0]
