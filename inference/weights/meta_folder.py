"""A Llama model as Meta gives it out: params.json, tokenizer.model and consolidated.*.pth, one file per shard."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from inference.errors import CheckpointError
from inference.licences import LLAMA3_LICENCE
from inference.text.choose import choose_chat_format, stop_token_ids
from inference.text.vocabulary import tokenizer_from_meta
from inference.weights.checkpoint import FLOAT_TYPES, BlockMatrix, Checkpoint, PackedMatrix, Stored, model_card
from inference.weights.json_file import read_json
from inference.weights.part import Part
from inference.weights.pretrained import chat_format_unless_pretrained
from inference.weights.rope import half_split_order
from inference.weights.shape import Llama3Scaling, ModelShape, Rope

NAMES = {"tok_embeddings.weight": "embedding", "norm.weight": "final_norm", "output.weight": "head"}
LAYER_NAMES = {
    "attention_norm": "attention_norm",
    "attention.wq": "q",
    "attention.wk": "k",
    "attention.wv": "v",
    "attention.wo": "o",
    "ffn_norm": "mlp_norm",
    "feed_forward.w1": "gate",
    "feed_forward.w3": "up",
    "feed_forward.w2": "down",
}
SPLIT_BY_COLUMNS = (".o", ".down")
WHOLE_IN_EACH_SHARD = ("norm",)

LLAMA3_CONTEXT, LLAMA31_CONTEXT = 8192, 131072
# params.json says only that rope is scaled. Llama 3.1 and 3.3 use 8; the small 3.2 models (1B, 3B) use 32.
SCALE_FACTOR, SMALL_MODEL_SCALE_FACTOR, SMALL_MODEL_DIM = 8.0, 32.0, 3072


def open_meta_folder(folder: Path) -> Checkpoint:
    """Raises CheckpointError if a file is missing, cut off, or does not fit the others."""
    params = read_json(folder / "params.json")
    tokenizer = tokenizer_from_meta(folder / "tokenizer.model")
    weights = MetaWeights(folder)
    shape = _shape(folder / "params.json", params, weights)
    weights.rope_head_dim = shape.head_dim
    return Checkpoint(
        path=folder,
        shape=shape,
        weights=weights,
        tokenizer=tokenizer,
        chat_format=chat_format_unless_pretrained(choose_chat_format(tokenizer), tokenizer, weights),
        stop_ids=stop_token_ids(tokenizer),
        card=model_card(name=folder.name, licence=LLAMA3_LICENCE, shape=shape),
    )


def _shape(path: Path, params: Mapping[str, Any], weights: "MetaWeights") -> ModelShape:
    try:
        dim, heads = int(params["dim"]), int(params["n_heads"])
        shapes = weights.shapes()
        is_scaled = bool(params.get("use_scaled_rope", False))
        return ModelShape(
            num_layers=int(params["n_layers"]),
            hidden_size=dim,
            num_heads=heads,
            num_kv_heads=int(params.get("n_kv_heads") or heads),
            head_dim=dim // heads,
            mlp_size=shapes["layers.0.gate"][0],
            vocab_size=shapes["embedding"][0],
            context_length=LLAMA31_CONTEXT if is_scaled else LLAMA3_CONTEXT,
            norm_eps=float(params["norm_eps"]),
            rope=Rope(theta=float(params.get("rope_theta", 500000.0)), scaling=_scaling(params) if is_scaled else None),
            has_tied_head="head" not in shapes,
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(path, f"it does not fit the weights ({type(error).__name__}: {error})") from error


def _scaling(params: Mapping[str, Any]) -> Llama3Scaling:
    """By what the file says, if it says it; else by what is known of the models that Meta gave out."""
    known = SMALL_MODEL_SCALE_FACTOR if int(params["dim"]) <= SMALL_MODEL_DIM else SCALE_FACTOR
    return Llama3Scaling(
        factor=float(params.get("rope_scaling_factor") or known),
        low_freq_factor=1.0,
        high_freq_factor=float(params.get("rope_high_freq_factor") or 4.0),
        original_context=LLAMA3_CONTEXT,
    )


class MetaWeights:
    """The tensors of all shards, memory-mapped and joined when asked for.

    Meta splits for tensor parallelism: `wo` and `w2` along their input, everything else along its rows, norms not at
    all. Rows are joined before they are put into rope order, so the number of shards does not matter. Whatever part is
    asked for, only the shards that have some of it are read, and nothing is held but the result.
    """

    def __init__(self, folder: Path) -> None:
        self.rope_head_dim = 0
        self._shards = [_load_shard(path) for path in _shard_files(folder)]
        first = self._shards[0]
        if any(shard.keys() != first.keys() for shard in self._shards):
            raise CheckpointError(folder, "its shards do not hold the same tensors: they are not of one model")
        for number, shard in enumerate(self._shards):
            if "final_norm" in shard and not torch.equal(shard["final_norm"], first["final_norm"]):
                reason = (
                    f"consolidated.{number:02}.pth is of another model than consolidated.00.pth: their norms differ"
                )
                raise CheckpointError(folder, reason)
        self._shapes = {name: self._joined_shape(name) for name in first}

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return self._shapes

    def stored(self) -> Mapping[str, Stored]:
        kinds = {name: tensor.dtype for name, tensor in self._shards[0].items()}
        return {
            name: Stored(type=FLOAT_TYPES[kinds[name]], num_bytes=math.prod(shape) * kinds[name].itemsize)
            for name, shape in self._shapes.items()
        }

    def tensor(self, name: str, dtype: torch.dtype | None = None, part: Part | None = None) -> torch.Tensor:
        axis = _join_axis(name)
        whole = self._shards[0][name]
        if axis is None or (len(self._shards) == 1 and part is None):
            joined = whole.to(dtype or whole.dtype)
        else:
            joined = self._join(name, axis, dtype or whole.dtype, part)
        is_rotated = name.endswith((".q", ".k"))
        return joined[half_split_order(joined.shape[0], self.rope_head_dim)] if is_rotated else joined

    def packed(self, name: str, part: Part | None = None) -> PackedMatrix | None:
        return None

    def blocks(self, name: str, part: Part | None = None) -> BlockMatrix | None:
        return None

    def _join(self, name: str, axis: int, dtype: torch.dtype, part: Part | None) -> torch.Tensor:
        shape = self._shapes[name]
        first, last = part.along(axis, shape[axis]) if part else (0, shape[axis])
        joined = torch.empty(part.shape(shape) if part else shape, dtype=dtype)
        begin = 0
        for shard in self._shards:
            piece = shard[name]
            end = begin + piece.shape[axis]
            low, high = max(begin, first), min(end, last)
            if low < high:
                some = piece.narrow(axis, low - begin, high - low)
                joined.narrow(axis, low - first, high - low).copy_(
                    part.of(some) if part and part.axis != axis else some
                )
            begin = end
        return joined

    def _joined_shape(self, name: str) -> tuple[int, ...]:
        shape, axis = list(self._shards[0][name].shape), _join_axis(name)
        if axis is not None:
            shape[axis] = sum(shard[name].shape[axis] for shard in self._shards)
        return tuple(shape)


def _join_axis(name: str) -> int | None:
    if name.endswith(WHOLE_IN_EACH_SHARD):
        return None
    return 1 if name.endswith(SPLIT_BY_COLUMNS) else 0


def _shard_files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("consolidated.*.pth"))
    if not files:
        raise CheckpointError(folder, "it has no consolidated.*.pth files")
    expected = [f"consolidated.{number:02}.pth" for number in range(len(files))]
    for file, name in zip(files, expected, strict=True):
        if file.name != name:
            raise CheckpointError(
                folder, f"{name} is missing: {len(files)} shards are numbered 00 to {len(files) - 1:02}"
            )
    return files


def _load_shard(path: Path) -> dict[str, torch.Tensor]:
    try:
        stored = torch.load(path, weights_only=True, mmap=True, map_location="cpu")
        shard = {_canonical(name): tensor for name, tensor in stored.items() if name != "rope.freqs"}
    except Exception as error:  # torch.load raises whatever zipfile, pickle and its own reader raise
        raise CheckpointError(path, f"not a complete PyTorch checkpoint ({type(error).__name__}: {error})") from error
    for name, tensor in shard.items():
        if not isinstance(tensor, torch.Tensor) or tensor.dtype not in FLOAT_TYPES:
            kind = getattr(tensor, "dtype", type(tensor).__name__)
            raise CheckpointError(path, f"the tensor {name} is {kind}, which is not supported")
    return shard


def _canonical(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    number, _, rest = name.removeprefix("layers.").partition(".")
    part = rest.removesuffix(".weight")
    return f"layers.{number}.{LAYER_NAMES[part]}" if name.startswith("layers.") and part in LAYER_NAMES else name
