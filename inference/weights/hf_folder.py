"""A Llama model in a Hugging Face folder: config.json, tokenizer.json, *.safetensors (one file or many)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.errors import CheckpointError
from inference.text.choose import choose_chat_format, stop_token_ids
from inference.text.tokenizer import Tokenizer
from inference.text.vocabulary import tokenizer_from_json
from inference.weights.checkpoint import Checkpoint, model_card
from inference.weights.hf_weights import HfWeights
from inference.weights.json_file import read_json
from inference.weights.pretrained import chat_format_unless_pretrained
from inference.weights.shape import Llama3Scaling, ModelShape, Rope

# Keys under which a configuration asks for something a plain Llama does not have.
UNSUPPORTED = {"quantization_config": "quantised weights", "attention_bias": "biases", "mlp_bias": "biases"}


def open_hf_folder(folder: Path) -> Checkpoint:
    """Raises CheckpointError if a file is missing or the model is not a Llama."""
    config = read_json(folder / "config.json")
    if config.get("model_type") != "llama":
        raise CheckpointError(folder / "config.json", f"its model type is {config.get('model_type')!r}, not 'llama'")
    _refuse_unsupported(folder / "config.json", config)
    shape = _shape(folder / "config.json", config)
    weights = HfWeights(folder, has_tied_head=shape.has_tied_head)
    tokenizer = tokenizer_from_json(folder / "tokenizer.json")
    generation, tokenizer_config = (
        read_json(folder / name, default={}) for name in ("generation_config.json", "tokenizer_config.json")
    )
    eos_names = [_token_name(tokenizer_config.get("eos_token"))]
    declared = [*_ids(config.get("eos_token_id")), *_ids(generation.get("eos_token_id"))]
    declared += tokenizer.special_ids(eos_names)
    template_file = folder / "chat_template.jinja"
    template = template_file.read_text() if template_file.exists() else tokenizer_config.get("chat_template") or ""
    template = template if isinstance(template, str) else str(template)
    chat_format = choose_chat_format(tokenizer, template, bos_ids=_bos_ids(tokenizer, tokenizer_config))
    return Checkpoint(
        path=folder,
        shape=shape,
        weights=weights,
        tokenizer=tokenizer,
        chat_format=chat_format_unless_pretrained(chat_format, tokenizer, weights, template, declared),
        stop_ids=stop_token_ids(tokenizer, declared),
        card=model_card(name=_model_name(folder), licence=_licence(folder), shape=shape),
        chat_template=template,
    )


def _refuse_unsupported(path: Path, config: Mapping[str, Any]) -> None:
    for key, what in UNSUPPORTED.items():
        if config.get(key):
            raise CheckpointError(path, f"its {key} asks for {what}, which is not supported")
    if config.get("hidden_act", "silu") != "silu":
        raise CheckpointError(path, f"its activation is {config['hidden_act']!r}, not 'silu'")


def _bos_ids(tokenizer: Tokenizer, tokenizer_config: Mapping[str, Any]) -> tuple[int, ...]:
    name = _token_name(tokenizer_config.get("bos_token")) if tokenizer_config.get("add_bos_token") else ""
    return tuple(tokenizer.special_ids([name]))


def _token_name(value: Any) -> str:
    """Written as a string or, in older files, as an object with the string in it."""
    return str(value.get("content", "") if isinstance(value, dict) else value or "")


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
