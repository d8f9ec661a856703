"""A checkpoint from any loader to one GGUF file that llama.cpp reads as well. One tensor is in memory at a time."""

from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt
import torch
from gguf.constants import GGML_QUANT_SIZES
from gguf.constants import GGMLQuantizationType as Type

from inference.errors import CheckpointError
from inference.model.rotary import inverse_frequencies
from inference.quantize.encode import encode
from inference.quantize.mixture import Mixture
from inference.quantize.vocabulary import gguf_vocabulary
from inference.weights.checkpoint import Checkpoint
from inference.weights.gguf_weights import LAYER_NAMES, NAMES, ROPE_DIVISORS
from inference.weights.part import Part
from inference.weights.progress import Progress
from inference.weights.rope import interleaved_order
from inference.weights.shape import ModelShape, Rope

ROWS_AT_A_TIME = 4096
GGUF_NAMES = {canonical: name for name, canonical in NAMES.items()}
GGUF_LAYER_NAMES = {canonical: name for name, canonical in LAYER_NAMES.items()}
LLAMA3_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
TEXT_ENDS, TURN_ENDS, MESSAGE_ENDS = ("<|end_of_text|>", "<|endoftext|>"), ("<|eot_id|>", "<|im_end|>"), ("<|eom_id|>",)


def write_gguf(checkpoint: Checkpoint, path: Path, mixture: Mixture, progress: Progress) -> dict[str, Type]:
    """Write the file and say how each tensor was stored.

    A tensor that is stored in the wanted type already is copied, not quantised again. The file appears under its name
    when it is complete. Raises CheckpointError if GGUF cannot express the tokenizer, and OSError.
    """
    shapes = checkpoint.weights.shapes()
    types = mixture.types(shapes)
    unfinished = path.with_name(path.name + ".part")
    writer = gguf.GGUFWriter(unfinished, "llama")
    _add_metadata(writer, checkpoint)
    divisors = _rope_divisors(checkpoint.shape)
    if divisors is not None:
        writer.add_tensor_info(ROPE_DIVISORS, divisors.shape, divisors.dtype, divisors.nbytes)
    sizes = {name: _num_bytes(shape, types[name]) for name, shape in shapes.items()}
    for name, shape in shapes.items():
        bytes_shape = (*shape[:-1], sizes[name] // (shape[0] if len(shape) == 2 else 1))
        writer.add_tensor_info(_gguf_name(name), bytes_shape, np.dtype(np.uint8), sizes[name], raw_dtype=types[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    if divisors is not None:
        writer.write_tensor_data(divisors)
    progress.begin("Writing", sum(sizes.values()))
    for name in shapes:
        writer.write_tensor_data(_content(checkpoint, name, types[name]))
        progress.advance(sizes[name])
    writer.close()
    progress.end()
    unfinished.replace(path)
    return types


def _content(checkpoint: Checkpoint, name: str, kind: Type) -> npt.NDArray[np.uint8]:
    """The tensor's bytes, with rows of q and k in the order of GGUF."""
    weights, head_dim = checkpoint.weights, checkpoint.shape.head_dim
    shape = weights.shapes()[name]
    if len(shape) == 1:
        return encode(weights.tensor(name, torch.float32), kind)
    if weights.stored()[name].type == kind.name and (blocks := weights.blocks(name)):
        rows = blocks.content.numpy()
    else:
        step = max(ROWS_AT_A_TIME // head_dim, 1) * head_dim
        parts = [Part(axis=0, start=at, stop=min(at + step, shape[0])) for at in range(0, shape[0], step)]
        rows = np.concatenate([encode(weights.tensor(name, torch.float32, part).contiguous(), kind) for part in parts])
    return rows[interleaved_order(len(rows), head_dim).numpy()] if name.endswith((".q", ".k")) else rows


def _num_bytes(shape: tuple[int, ...], kind: Type) -> int:
    block, block_bytes = GGML_QUANT_SIZES[kind]
    return int(np.prod(shape)) // block * block_bytes


def _gguf_name(name: str) -> str:
    if name in GGUF_NAMES:
        return GGUF_NAMES[name]
    _, number, part = name.split(".")
    return f"blk.{number}.{GGUF_LAYER_NAMES[part]}.weight"


def _rope_divisors(shape: ModelShape) -> npt.NDArray[np.float32] | None:
    """Scaled rope as GGUF has it: plain frequencies divided by scaled ones."""
    if shape.rope.divisors:
        return np.array(shape.rope.divisors, np.float32)
    if shape.rope.scaling is None:
        return None
    plain = inverse_frequencies(Rope(theta=shape.rope.theta), shape.head_dim)
    divisors: npt.NDArray[np.float32] = (plain / inverse_frequencies(shape.rope, shape.head_dim)).numpy()
    return divisors


def _add_metadata(writer: gguf.GGUFWriter, checkpoint: Checkpoint) -> None:
    shape, card = checkpoint.shape, checkpoint.card
    writer.add_name(card.name)
    writer.add_license(card.licence)
    writer.add_block_count(shape.num_layers)
    writer.add_context_length(shape.context_length)
    writer.add_embedding_length(shape.hidden_size)
    writer.add_feed_forward_length(shape.mlp_size)
    writer.add_head_count(shape.num_heads)
    writer.add_head_count_kv(shape.num_kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(shape.rope.theta)
    writer.add_layer_norm_rms_eps(shape.norm_eps)
    writer.add_vocab_size(shape.vocab_size)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _add_tokenizer(writer, checkpoint)


def _add_tokenizer(writer: gguf.GGUFWriter, checkpoint: Checkpoint) -> None:
    try:
        vocabulary = gguf_vocabulary(checkpoint.tokenizer, num_rows=checkpoint.shape.vocab_size)
    except ValueError as error:
        raise CheckpointError(checkpoint.path, str(error)) from error
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.kinds)
    writer.add_token_merges(vocabulary.merges)
    bos_ids, chat_format = checkpoint.chat_format.bos_ids, checkpoint.chat_format.name
    writer.add_add_bos_token(bool(bos_ids))
    if bos_ids:
        writer.add_bos_token_id(bos_ids[0])
    for key, token_id in _stops(checkpoint.tokenizer.special, chat_format, checkpoint.stop_ids).items():
        writer.add_uint32(f"tokenizer.ggml.{key}_token_id", token_id)
    template = checkpoint.chat_template or (LLAMA3_TEMPLATE if chat_format == "llama3" else "")
    if template:
        writer.add_chat_template(template)


def _stops(special: Mapping[str, int], chat_format: str, stop_ids: frozenset[int]) -> dict[str, int]:
    """What ends a reply, by GGUF's keys. A model that only continues texts says so by having no end of a turn."""

    def first(names: tuple[str, ...]) -> int | None:
        return next((special[name] for name in names if special.get(name) in stop_ids), None)

    turn, text, message = first(TURN_ENDS), first(TEXT_ENDS), first(MESSAGE_ENDS)
    if chat_format == "none":
        return {"eos": min(stop_ids) if text is None else text}
    found = {"eos": turn if turn is not None else min(stop_ids), "eot": turn, "eom": message}
    return {key: token_id for key, token_id in found.items() if token_id is not None}
