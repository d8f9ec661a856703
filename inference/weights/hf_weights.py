"""The tensors of a Hugging Face folder: one safetensors file, or several with an index."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from inference.errors import CheckpointError
from inference.weights.checkpoint import FLOAT_TYPES, BlockMatrix, PackedMatrix, Stored
from inference.weights.json_file import read_json
from inference.weights.part import Part

INDEX_FILE = "model.safetensors.index.json"
SINGLE_FILE = "model.safetensors"
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
NAMES = {"model.embed_tokens.weight": "embedding", "model.norm.weight": "final_norm", "lm_head.weight": "head"}
LAYER_NAMES = {
    "input_layernorm": "attention_norm",
    "self_attn.q_proj": "q",
    "self_attn.k_proj": "k",
    "self_attn.v_proj": "v",
    "self_attn.o_proj": "o",
    "post_attention_layernorm": "mlp_norm",
    "mlp.gate_proj": "gate",
    "mlp.up_proj": "up",
    "mlp.down_proj": "down",
}
NUM_BYTES = {name: dtype.itemsize for dtype, name in FLOAT_TYPES.items()}


class HfWeights:
    """The tensors of a folder's safetensors files, memory-mapped. Rows of q and k are in half-split order already."""

    def __init__(self, folder: Path, *, has_tied_head: bool) -> None:
        self._files: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._stored: dict[str, Stored] = {}
        for name in _files(folder):
            self._add(folder / name, has_tied_head=has_tied_head)

    def _add(self, path: Path, *, has_tied_head: bool) -> None:
        try:
            file: Any = safe_open(path, framework="pt")
        except (OSError, SafetensorError) as error:
            raise CheckpointError(path, f"not a complete safetensors file ({error})") from error
        for stored in file.keys():  # noqa: SIM118 - not a dictionary
            name = _canonical(stored)
            # A tied head may be stored once more, and old files carry rope's frequencies, which we compute.
            if (name == "head" and has_tied_head) or stored.endswith("rotary_emb.inv_freq"):
                continue
            content = file.get_slice(stored)
            if content.get_dtype() not in NUM_BYTES:
                raise CheckpointError(path, f"the tensor {name} is {content.get_dtype()}, which is not supported")
            self._files[name], self._names[name] = file, stored
            shape = tuple(content.get_shape())
            num_bytes = torch.Size(shape).numel() * NUM_BYTES[content.get_dtype()]
            self._shapes[name], self._stored[name] = shape, Stored(type=content.get_dtype(), num_bytes=num_bytes)

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return self._shapes

    def stored(self) -> Mapping[str, Stored]:
        return self._stored

    def tensor(self, name: str, dtype: torch.dtype | None = None, part: Part | None = None) -> torch.Tensor:
        file, stored = self._files[name], self._names[name]
        tensor: torch.Tensor
        if part is None:
            tensor = file.get_tensor(stored)
        elif part.axis == 0:
            tensor = file.get_slice(stored)[part.start : part.stop]
        else:
            tensor = file.get_slice(stored)[:, part.start : part.stop]
        return tensor if dtype is None else tensor.to(dtype)

    def packed(self, name: str, part: Part | None = None) -> PackedMatrix | None:
        return None

    def blocks(self, name: str, part: Part | None = None) -> BlockMatrix | None:
        return None


def _files(folder: Path) -> list[str]:
    index = folder / INDEX_FILE
    if not index.exists():
        pickled = next((name for name in PICKLED if (folder / name).exists()), None)
        if pickled and not (folder / SINGLE_FILE).exists():
            raise CheckpointError(folder / pickled, "pickled weights are not read; convert them to safetensors")
        return [SINGLE_FILE]
    files = read_json(index).get("weight_map")
    if not isinstance(files, dict) or not files or not all(isinstance(name, str) for name in files.values()):
        raise CheckpointError(index, "its weight_map does not name a file for each tensor")
    if strange := next((name for name in files.values() if Path(name).name != name), None):
        raise CheckpointError(index, f"it names a file outside of its folder: {strange!r}")
    return sorted(set(files.values()))


def _canonical(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    prefix, _, rest = name.removeprefix("model.layers.").partition(".")
    part = rest.removesuffix(".weight")
    return f"layers.{prefix}.{LAYER_NAMES[part]}" if name.startswith("model.layers.") and part in LAYER_NAMES else name
