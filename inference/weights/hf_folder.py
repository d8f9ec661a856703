"""A Llama model in a Hugging Face folder: config.json, tokenizer.json, *.safetensors (one file or many)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from inference.errors import CheckpointError
from inference.text.choose import choose_chat_format, stop_token_ids
from inference.text.vocabulary import tokenizer_from_json
from inference.weights.checkpoint import Checkpoint, PackedMatrix, model_card
from inference.weights.shape import Llama3Scaling, ModelShape, Rope

INDEX_FILE = "model.safetensors.index.json"
SINGLE_FILE = "model.safetensors"
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


def open_hf_folder(folder: Path) -> Checkpoint:
    """Raises CheckpointError if a file is missing or the model is not a Llama."""
    config = read_json(folder / "config.json")
    if config.get("model_type") != "llama":
        raise CheckpointError(folder / "config.json", f"its model type is {config.get('model_type')!r}, not 'llama'")
    weights = HfWeights(folder, has_tied_head=bool(config.get("tie_word_embeddings", False)))
    shape = _shape(folder / "config.json", config)
    tokenizer = tokenizer_from_json(folder / "tokenizer.json")
    generation, tokenizer_config = (
        read_json(folder / name, default={}) for name in ("generation_config.json", "tokenizer_config.json")
    )
    eos_names = [token for token in (tokenizer_config.get("eos_token"),) if isinstance(token, str)]
    declared = [*_ids(config.get("eos_token_id")), *_ids(generation.get("eos_token_id"))]
    template_file = folder / "chat_template.jinja"
    template = template_file.read_text() if template_file.exists() else tokenizer_config.get("chat_template") or ""
    return Checkpoint(
        path=folder,
        shape=shape,
        weights=weights,
        tokenizer=tokenizer,
        chat_format=choose_chat_format(folder, tokenizer, template if isinstance(template, str) else str(template)),
        stop_ids=stop_token_ids(tokenizer, (*declared, *tokenizer.special_ids(eos_names))),
        card=model_card(name=_model_name(folder), licence=_licence(folder), shape=shape),
    )


def read_json(path: Path, *, default: dict[str, Any] | None = None) -> dict[str, Any]:
    """The JSON object in a file; `default` if the file is absent. Raises CheckpointError."""
    if default is not None and not path.exists():
        return default
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(path, f"not a readable JSON file ({error})") from error
    if not isinstance(content, dict):
        raise CheckpointError(path, "not a JSON object")
    return content


def _ids(value: Any) -> list[int]:
    return [value] if isinstance(value, int) else [v for v in value or [] if isinstance(v, int)]


def _model_name(folder: Path) -> str:
    """The folder's name; for a folder of the hub's cache (models--org--name/snapshots/...) the model's."""
    cached = next((part for part in reversed(folder.parts) if part.startswith("models--")), "")
    return cached.split("--")[-1] if cached else folder.name


def _licence(folder: Path) -> str:
    """The `license:` line of the model card, if there is one."""
    readme = folder / "README.md"
    lines = readme.read_text(errors="replace").splitlines()[:60] if readme.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("license:")), "")


def _shape(path: Path, config: Mapping[str, Any]) -> ModelShape:
    try:
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        if config.get("attention_bias") or config.get("mlp_bias"):
            raise CheckpointError(path, "its linear layers have biases, which is not supported")
        return ModelShape(
            num_layers=int(config["num_hidden_layers"]),
            hidden_size=hidden,
            num_heads=heads,
            num_kv_heads=int(config.get("num_key_value_heads") or heads),
            head_dim=int(config.get("head_dim") or hidden // heads),
            mlp_size=int(config["intermediate_size"]),
            vocab_size=int(config["vocab_size"]),
            context_length=int(config["max_position_embeddings"]),
            norm_eps=float(config["rms_norm_eps"]),
            rope=_rope(path, config),
            has_tied_head=bool(config.get("tie_word_embeddings", False)),
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(path, f"it is incomplete ({type(error).__name__}: {error})") from error


def _rope(path: Path, config: Mapping[str, Any]) -> Rope:
    """Older files have rope_theta and rope_scaling side by side, newer ones both in rope_parameters."""
    parameters = {**(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
    theta = float(parameters.get("rope_theta", config.get("rope_theta", 10000.0)))
    kind = parameters.get("rope_type", parameters.get("type", "default"))
    if kind == "default":
        return Rope(theta=theta)
    if kind != "llama3":
        raise CheckpointError(path, f"its rope scaling {kind!r} is not supported")
    scaling = Llama3Scaling(
        factor=float(parameters["factor"]),
        low_freq_factor=float(parameters["low_freq_factor"]),
        high_freq_factor=float(parameters["high_freq_factor"]),
        original_context=int(parameters["original_max_position_embeddings"]),
    )
    return Rope(theta=theta, scaling=scaling)


class HfWeights:
    """The tensors of a folder's safetensors files, memory-mapped."""

    def __init__(self, folder: Path, *, has_tied_head: bool) -> None:
        index = folder / INDEX_FILE
        files = set(read_json(index).get("weight_map", {}).values()) if index.exists() else {SINGLE_FILE}
        self._files: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        for name in sorted(files):
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
            self._files[name], self._names[name] = file, stored
            self._shapes[name] = tuple(file.get_slice(stored).get_shape())

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return self._shapes

    def tensor(self, name: str, dtype: torch.dtype | None = None) -> torch.Tensor:
        tensor: torch.Tensor = self._files[name].get_tensor(self._names[name])
        return tensor if dtype is None else tensor.to(dtype)

    def packed(self, name: str) -> PackedMatrix | None:
        return None


def _canonical(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    prefix, _, rest = name.removeprefix("model.layers.").partition(".")
    part = rest.removesuffix(".weight")
    return f"layers.{prefix}.{LAYER_NAMES[part]}" if name.startswith("model.layers.") and part in LAYER_NAMES else name
