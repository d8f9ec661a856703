"""A Llama model in GGUF, as llama.cpp and the bundled SmolLM2 have it: one file, or several that name one another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.errors import CheckpointError
from inference.text.choose import choose_chat_format, stop_token_ids
from inference.text.vocabulary import tokenizer_from_gguf
from inference.weights.checkpoint import Checkpoint, model_card
from inference.weights.gguf_header import SPLIT_NAME, read_gguf_header
from inference.weights.gguf_weights import GgufWeights
from inference.weights.pretrained import chat_format_unless_pretrained
from inference.weights.shape import ModelShape, Rope

STOP_KEYS = ("tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id")


def open_gguf(path: Path) -> Checkpoint:
    """Raises CheckpointError if the file is no complete Llama model of a kind we can run."""
    header = read_gguf_header(path)
    metadata = header.metadata
    if metadata.get("general.architecture") != "llama":
        raise CheckpointError(path, f"its architecture is {metadata.get('general.architecture')!r}, not 'llama'")
    weights = GgufWeights(path, header.tensors, rope_head_dim=0)
    shape = _shape(path, metadata, weights)
    weights.rope_head_dim = shape.head_dim
    tokenizer = tokenizer_from_gguf(path, metadata)
    declared = [int(metadata[key]) for key in STOP_KEYS if key in metadata]
    template = str(metadata.get("tokenizer.chat_template", ""))
    chat_format = choose_chat_format(tokenizer, template, bos_ids=_bos_ids(metadata))
    return Checkpoint(
        path=path,
        shape=shape,
        weights=weights,
        tokenizer=tokenizer,
        chat_format=chat_format_unless_pretrained(chat_format, tokenizer, weights, template, declared),
        stop_ids=stop_token_ids(tokenizer, declared),
        card=model_card(name=_model_name(path), licence=str(metadata.get("general.license", "")), shape=shape),
        chat_template=template,
    )


def _bos_ids(metadata: Mapping[str, Any]) -> tuple[int, ...]:
    has_bos = metadata.get("tokenizer.ggml.add_bos_token") and "tokenizer.ggml.bos_token_id" in metadata
    return (int(metadata["tokenizer.ggml.bos_token_id"]),) if has_bos else ()


def _model_name(path: Path) -> str:
    """The file's name without the ending that names its quantisation: "SmolLM2-135M-Instruct"."""
    split = SPLIT_NAME.fullmatch(path.name)
    whole = split.group(1) if split else path.stem
    stem, dot, ending = whole.rpartition(".")
    return stem if dot and ending.upper().startswith(("Q", "F16", "F32", "BF16", "IQ")) else whole


def _shape(path: Path, metadata: Mapping[str, Any], weights: GgufWeights) -> ModelShape:
    try:
        heads = int(metadata["llama.attention.head_count"])
        hidden = int(metadata["llama.embedding_length"])
        head_dim = int(metadata.get("llama.attention.key_length", hidden // heads))
        _refuse_unknown_rope(path, metadata, head_dim)
        return ModelShape(
            num_layers=int(metadata["llama.block_count"]),
            hidden_size=hidden,
            num_heads=heads,
            num_kv_heads=int(metadata.get("llama.attention.head_count_kv", heads)),
            head_dim=head_dim,
            mlp_size=int(metadata["llama.feed_forward_length"]),
            vocab_size=weights.shapes()["embedding"][0],
            context_length=int(metadata["llama.context_length"]),
            norm_eps=float(metadata["llama.attention.layer_norm_rms_epsilon"]),
            rope=Rope(theta=float(metadata.get("llama.rope.freq_base", 10000.0)), divisors=weights.rope_divisors()),
            has_tied_head="head" not in weights.shapes(),
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(path, f"its metadata is incomplete ({type(error).__name__}: {error})") from error


def _refuse_unknown_rope(path: Path, metadata: Mapping[str, Any], head_dim: int) -> None:
    """Llama 3.1's scaling is the tensor of divisors; what other keys ask for would be left out silently."""
    scaling = metadata.get("llama.rope.scaling.type", "none")
    if scaling != "none" and float(metadata.get("llama.rope.scaling.factor", 1.0)) != 1.0:
        raise CheckpointError(path, f"its rope scaling {scaling!r} is not supported")
    if int(metadata.get("llama.rope.dimension_count", head_dim)) != head_dim:
        raise CheckpointError(path, "its rope turns only a part of each head, which is not supported")
    if int(metadata.get("llama.attention.value_length", head_dim)) != head_dim:
        raise CheckpointError(path, "its values have another size than its keys, which is not supported")
