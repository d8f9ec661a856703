"""An EAGLE-3 head from its folder, as published (yuhuili/EAGLE3-LLaMA3.1-Instruct-8B and others).

config.json          a Llama's with one layer and `draft_vocab_size`; without `rope_theta` it is 10000
model.safetensors    or pytorch_model.bin: fc, midlayer.*, norm, lm_head, d2t and t2d; `embed_tokens` where the head
                     does not share the target's
"""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from inference.errors import CheckpointError
from inference.model.batch import DecoderModel
from inference.speculation.eagle import EagleProposer, FeatureSource
from inference.speculation.eagle_head import EagleHead, EagleShape, feature_layers
from inference.weights.json_file import read_json
from inference.weights.shape import ModelShape

FILES = ("model.safetensors", "pytorch_model.bin")


def load_eagle(folder: Path, target: DecoderModel, *, num_blocks: int) -> EagleProposer:
    """Drafts for `target`, which keeps features from now on. `num_blocks` are those of its storage.

    Raises CheckpointError if the head's files are wrong, or the target is not one that a head can follow.
    """
    if not isinstance(target, FeatureSource):
        raise CheckpointError(folder, "it needs features of three layers, which the code of this model does not give")
    embedding = target.embedding
    head = load_eagle_head(
        folder,
        target=target.shape,
        embedding=embedding,
        max_context=target.max_context,
        dtype=embedding.dtype,
        device=str(embedding.device),
    )
    try:
        target.keep_features(feature_layers(target.shape.num_layers))
    except ValueError as error:
        raise CheckpointError(folder, f"it cannot draft for so small a model: {error}") from error
    return EagleProposer(head, target, num_blocks=num_blocks)


def load_eagle_head(
    folder: Path,
    *,
    target: ModelShape,
    embedding: Tensor,
    max_context: int,
    dtype: torch.dtype = torch.bfloat16,
    device: str = "cpu",
) -> EagleHead:
    """Read a head made for a target of this shape.

    `embedding` is the target's. Raises CheckpointError if the files are wrong or made for another target.
    """
    shape = _read_shape(folder / "config.json", target)
    path, tensors = _read_tensors(folder)
    own_embedding = tensors.pop("embed_tokens.weight", None)
    tensors.pop("t2d", None)
    for name, needed in shape.tensor_shapes().items():
        if name not in tensors:
            raise CheckpointError(path, f"the tensor {name} is missing")
        if tuple(tensors[name].shape) != needed:
            found = tuple(tensors[name].shape)
            raise CheckpointError(path, f"the tensor {name} has shape {found}, but the head needs {needed}")
    if unknown := sorted(tensors.keys() - shape.tensor_shapes().keys()):
        raise CheckpointError(path, f"it has a tensor {unknown[0]} that an EAGLE-3 head does not have")
    placed = {name: t.to(device) if name == "d2t" else t.to(device, dtype) for name, t in tensors.items()}
    ids = placed["d2t"] + torch.arange(shape.draft_vocab_size, device=device)
    if not bool(((ids >= 0) & (ids < shape.vocab_size)).all()):
        raise CheckpointError(path, "its d2t leads to ids that the target does not have")
    embedding = embedding if own_embedding is None else own_embedding.to(device, dtype)
    if tuple(embedding.shape) != (shape.vocab_size, shape.hidden_size):
        needed = (shape.vocab_size, shape.hidden_size)
        raise CheckpointError(path, f"the embedding has shape {tuple(embedding.shape)}, but the head needs {needed}")
    return EagleHead(shape, placed, embedding=embedding, max_context=max_context)


def _read_shape(path: Path, target: ModelShape) -> EagleShape:
    config = read_json(path)
    try:
        hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        shape = EagleShape(
            hidden_size=hidden,
            target_hidden_size=int(config.get("target_hidden_size") or hidden),
            num_heads=heads,
            num_kv_heads=int(config.get("num_key_value_heads") or heads),
            head_dim=int(config.get("head_dim") or hidden // heads),
            mlp_size=int(config["intermediate_size"]),
            vocab_size=int(config["vocab_size"]),
            draft_vocab_size=int(config.get("draft_vocab_size") or config["vocab_size"]),
            norm_eps=float(config["rms_norm_eps"]),
            rope_theta=float(config.get("rope_theta") or 10000.0),
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(path, f"it is incomplete ({type(error).__name__}: {error})") from error
    if config.get("rope_scaling"):
        raise CheckpointError(path, "heads with scaled rope are not supported")
    if (shape.target_hidden_size, shape.vocab_size) != (target.hidden_size, target.vocab_size):
        reason = f"it is made for a model of hidden size {shape.target_hidden_size} and {shape.vocab_size} ids"
        raise CheckpointError(path, f"{reason}; this one has {target.hidden_size} and {target.vocab_size}")
    return shape


def _read_tensors(folder: Path) -> tuple[Path, dict[str, Tensor]]:
    path = next((folder / name for name in FILES if (folder / name).exists()), folder / FILES[0])
    try:
        if path.suffix == ".safetensors":
            return path, load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return path, {name: tensor for name, tensor in loaded.items() if isinstance(tensor, Tensor)}
    except (OSError, SafetensorError, RuntimeError, AttributeError, ValueError) as error:
        raise CheckpointError(path, f"not a readable file of weights ({type(error).__name__}: {error})") from error
