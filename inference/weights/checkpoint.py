"""What a loader hands to the engine: a model's shape, tokenizer, chat format and card, and its tensors on demand."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from inference.errors import CheckpointError
from inference.licences import licence_and_notice
from inference.text.chat import ChatFormat
from inference.text.tokenizer import Tokenizer
from inference.weights.part import Part
from inference.weights.shape import ModelShape

FLOAT_TYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
"""The types unquantised tensors may be stored in, and their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedMatrix:
    """A matrix of 4-bit values as its file has it: w[n, k] = values[n, k] * scales[n, k // 32] + offsets[n, k // 32].

    values   [N, K]     uint8, 0..15
    scales   [N, K/32]  float32
    offsets  [N, K/32]  float32
    """

    values: torch.Tensor
    scales: torch.Tensor
    offsets: torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockMatrix:
    """A quantised matrix [N, K] byte for byte as its GGUF file has it, but for the order of rows in q and k.

    type     GGUF's name of the block format: "Q4_K"
    content  [N, bytes of a row]  uint8
    """

    type: str
    shape: tuple[int, int]
    content: torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """How a tensor lies on disk: GGUF's name of its type ("BF16", "Q4_K") and its size."""

    type: str
    num_bytes: int


class WeightSource(Protocol):
    """Tensors by canonical name, read when asked for, so that no loader holds a model twice.

    Where a `part` is given, that part alone is read. A part of the rows of q or k consists of whole heads.
    """

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Every tensor there is."""
        ...

    def stored(self) -> Mapping[str, Stored]:
        """How each of them is stored."""
        ...

    def tensor(self, name: str, dtype: torch.dtype | None = None, part: Part | None = None) -> torch.Tensor:
        """The tensor as `dtype`; without one in the float type it is stored in, quantised ones as float32."""
        ...

    def packed(self, name: str, part: Part | None = None) -> PackedMatrix | None:
        """The tensor as 4-bit values, if that is how it is stored and `part` does not cut through a group."""
        ...

    def blocks(self, name: str, part: Part | None = None) -> BlockMatrix | None:
        """The tensor as blocks, if that is how it is stored and `part` does not cut through one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What people are told about the model. `notice` is a sentence the licence asks to show, else empty."""

    id: str
    name: str
    licence: str
    notice: str
    architecture: str
    context_length: int
    parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A model ready to be put into memory. `chat_template` is what its files say, which only other programs need."""

    path: Path
    shape: ModelShape
    weights: WeightSource
    tokenizer: Tokenizer
    chat_format: ChatFormat
    stop_ids: frozenset[int]
    card: ModelCard
    chat_template: str = ""

    def __post_init__(self) -> None:
        check_tensors(self.path, needed=self.shape.tensor_shapes(), found=self.weights.shapes())
        if self.tokenizer.vocab_size > self.shape.vocab_size:
            reason = f"its tokenizer has {self.tokenizer.vocab_size} ids but its embedding {self.shape.vocab_size} rows"
            raise CheckpointError(self.path, reason)
        if not self.stop_ids:
            raise CheckpointError(self.path, "it names no token that ends a reply")


def check_tensors(path: Path, *, needed: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> None:
    """Raises CheckpointError naming the first tensor that is missing, too many, or of another shape."""
    for name, shape in needed.items():
        if name not in found:
            raise CheckpointError(path, f"the tensor {name} is missing")
        if found[name] != shape:
            raise CheckpointError(path, f"the tensor {name} has shape {found[name]}, but the model needs {shape}")
    for name in found:
        if name not in needed:
            raise CheckpointError(path, f"it has a tensor {name} that a Llama model does not have")


def model_card(*, name: str, licence: str, shape: ModelShape) -> ModelCard:
    """The card of a model whose files say `licence` of themselves."""
    licence, notice = licence_and_notice(name, licence)
    return ModelCard(
        id=name,
        name=name,
        licence=licence,
        notice=notice,
        architecture="Llama",
        context_length=shape.context_length,
        parameters=shape.num_parameters,
    )
