"""A small random Llama written in every format we read, from one set of weights.

The vocabulary is the 256 bytes followed by Llama 3's 256 special tokens, which all three formats can express. The Meta
and GGUF writers turn the rows of q and k into interleaved order, as Meta's files and llama.cpp's converter have them.
"""

import base64
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

from inference.model.rotary import inverse_frequencies
from inference.text.byte_map import unmap_bytes
from inference.text.vocabulary import LLAMA3_PATTERN, llama3_special_tokens
from inference.weights.gguf_weights import LAYER_NAMES as GGUF_LAYER_NAMES
from inference.weights.hf_weights import LAYER_NAMES as HF_LAYER_NAMES
from inference.weights.meta_folder import LAYER_NAMES as META_LAYER_NAMES
from inference.weights.rope import interleaved_order
from inference.weights.shape import Llama3Scaling, Rope

PROJECT_ROOT = Path(__file__).resolve().parents[2]
HIDDEN, HEADS, KV_HEADS, LAYERS, MLP, VOCAB, THETA = 128, 16, 8, 2, 192, 512, 10000.0
HEAD_DIM = HIDDEN // HEADS
# What Meta's loader assumes for a small model whose params.json says "use_scaled_rope".
SCALING = {
    "rope_type": "llama3",
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
BYTE_SPELLINGS = {unmap_bytes(chr(code)): chr(code) for code in range(0x144) if unmap_bytes(chr(code))}
TOKENS = [BYTE_SPELLINGS[bytes([byte])] for byte in range(256)]
SPECIAL = llama3_special_tokens(256)
FORMATS = ("hf", "hf-sharded", "meta-1", "meta-8", "gguf", "gguf-split")


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyLlama:
    """The model as `transformers` has it, and whether its rope is scaled as in Llama 3.2."""

    model: LlamaForCausalLM
    is_scaled: bool

    @property
    def state(self) -> dict[str, torch.Tensor]:
        """The tensors as they are stored: a tied head is not."""
        is_tied = self.model.config.tie_word_embeddings
        state = self.model.state_dict()
        return {name: tensor.clone() for name, tensor in state.items() if not (is_tied and name == "lm_head.weight")}


def make_tiny_llama(
    *,
    is_scaled: bool,
    seed: int = 7,
    is_tied: bool = False,
    dtype: torch.dtype = torch.float32,
    num_layers: int = LAYERS,
) -> TinyLlama:
    """Random weights. A type other than float32 is what they are stored in."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        intermediate_size=MLP,
        num_hidden_layers=num_layers,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=131072 if is_scaled else 8192,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_theta": THETA, **(SCALING if is_scaled else {"rope_type": "default"})},
        tie_word_embeddings=is_tied,
        bos_token_id=SPECIAL["<|begin_of_text|>"],
        eos_token_id=SPECIAL["<|eot_id|>"],
        initializer_range=0.2,
    )
    return TinyLlama(model=LlamaForCausalLM(config).eval().to(dtype), is_scaled=is_scaled)


def make_reciting_llama(*, after: str, text: str, num_layers: int = LAYERS) -> TinyLlama:
    """A Llama that, wherever the special token or character `after` stands last, goes on with `text` and then stops.

    Its layers add nothing, and its head holds a table of what follows what; so no character may come twice in `text`.
    """
    tiny = make_tiny_llama(is_scaled=False, num_layers=num_layers)
    chain = [SPECIAL.get(after) or ord(after), *text.encode(), SPECIAL["<|eot_id|>"]]
    assert len(set(chain)) == len(chain)
    with torch.no_grad():
        for layer in tiny.model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        embedding, head = tiny.model.model.embed_tokens.weight, tiny.model.lm_head.weight
        head.zero_()
        for token_id, follower in pairwise(chain):
            head[follower] += embedding[token_id]
    return tiny


def write_every_format(root: Path, tiny: TinyLlama) -> dict[str, Path]:
    """The same weights in each of FORMATS."""
    return {
        "hf": write_hf(root / "hf", tiny),
        "hf-sharded": write_hf(root / "hf-sharded", tiny, num_files=3),
        "meta-1": write_meta(root / "meta-1", tiny),
        "meta-8": write_meta(root / "meta-8", tiny, num_shards=8),
        "gguf": write_gguf(root / "tiny.gguf", tiny),
        "gguf-split": write_gguf(root / "split.gguf", tiny, tensors_a_file=8),
    }


def write_hf(folder: Path, tiny: TinyLlama, *, num_files: int = 1) -> Path:
    """config.json, tokenizer.json and one or several safetensors files with their index."""
    folder.mkdir(parents=True)
    config = {**tiny.model.config.to_dict(), "model_type": "llama"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer_json()))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [SPECIAL["<|eot_id|>"]]}))
    state = tiny.state
    if num_files == 1:
        save_file(state, folder / "model.safetensors")
        return folder
    names = sorted(state)
    files = {name: f"model-{i % num_files + 1:05}-of-{num_files:05}.safetensors" for i, name in enumerate(names)}
    for file in sorted(set(files.values())):
        save_file({name: state[name] for name in names if files[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
    return folder


def _tokenizer_json() -> dict[str, object]:
    added = [{"id": token_id, "content": name, "special": True} for name, token_id in SPECIAL.items()]
    split = {"type": "Split", "pattern": {"Regex": LLAMA3_PATTERN}, "behavior": "Isolated"}
    return {
        "model": {"type": "BPE", "vocab": {token: i for i, token in enumerate(TOKENS)}, "merges": []},
        "added_tokens": added,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, {"type": "ByteLevel", "use_regex": False}]},
    }


def write_meta(folder: Path, tiny: TinyLlama, *, num_shards: int = 1) -> Path:
    """params.json, tokenizer.model and consolidated.*.pth, split as Meta splits for tensor parallelism."""
    folder.mkdir(parents=True)
    num_layers = tiny.model.config.num_hidden_layers
    params = {"dim": HIDDEN, "n_layers": num_layers, "n_heads": HEADS, "n_kv_heads": KV_HEADS, "norm_eps": 1e-5}
    params |= {"rope_theta": THETA, "vocab_size": VOCAB, "multiple_of": 64, "use_scaled_rope": tiny.is_scaled}
    (folder / "params.json").write_text(json.dumps(params))
    lines = (base64.b64encode(bytes([byte])).decode() + f" {byte}" for byte in range(256))
    (folder / "tokenizer.model").write_text("\n".join(lines))
    whole = _renamed(tiny, META_LAYER_NAMES, embedding="tok_embeddings", norm="norm", head="output", prefix="layers")
    for shard in range(num_shards):
        parts = {name: _meta_part(name, tensor, shard, num_shards) for name, tensor in whole.items()}
        torch.save(parts, folder / f"consolidated.{shard:02}.pth")
    return folder


def _meta_part(name: str, tensor: torch.Tensor, shard: int, num_shards: int) -> torch.Tensor:
    if "norm" in name:
        return tensor
    axis = 1 if name.endswith(("wo.weight", "w2.weight")) else 0
    return tensor.chunk(num_shards, dim=axis)[shard].clone()


def write_gguf(
    path: Path,
    tiny: TinyLlama,
    kind: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.F32,
    *,
    tensors_a_file: int = 0,
) -> Path:
    """A GGUF model; matrices in `kind`, norms in F32. Split into files of `tensors_a_file` tensors if that is given."""
    writer = gguf.GGUFWriter(path, "llama", split_max_tensors=tensors_a_file)
    writer.add_block_count(tiny.model.config.num_hidden_layers)
    writer.add_context_length(tiny.model.config.max_position_embeddings)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(MLP)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(THETA)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list([*TOKENS, *SPECIAL])
    writer.add_token_types([gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * 256)
    writer.add_token_merges([])
    writer.add_eos_token_id(SPECIAL["<|eot_id|>"])
    if tiny.is_scaled:
        writer.add_tensor("rope_freqs.weight", _rope_divisors())
    names = _renamed(tiny, GGUF_LAYER_NAMES, embedding="token_embd", norm="output_norm", head="output", prefix="blk")
    for name, tensor in names.items():
        values = tensor.float().numpy()
        if values.ndim == 1 or kind == gguf.GGMLQuantizationType.F32:
            writer.add_tensor(name, values)
        else:
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sorted(path.parent.glob(f"{path.stem}-00001-of-*.gguf"))[0] if tensors_a_file else path


def _rope_divisors() -> np.ndarray:
    """What llama.cpp's converter stores: plain frequencies divided by scaled ones."""
    scaling = Llama3Scaling(factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0, original_context=8192)
    plain = inverse_frequencies(Rope(theta=THETA), HEAD_DIM)
    return (plain / inverse_frequencies(Rope(theta=THETA, scaling=scaling), HEAD_DIM)).numpy()


def _renamed(
    tiny: TinyLlama, layer_names: dict[str, str], *, embedding: str, norm: str, head: str, prefix: str
) -> dict[str, torch.Tensor]:
    """The state under another format's names, with interleaved rows in q and k."""
    theirs = {canonical: name for name, canonical in layer_names.items()}
    top = {"model.embed_tokens": embedding, "model.norm": norm, "lm_head": head}
    renamed = {}
    for name, tensor in tiny.state.items():
        stem = name.removesuffix(".weight")
        if stem in top:
            renamed[f"{top[stem]}.weight"] = tensor
            continue
        number, _, part = stem.removeprefix("model.layers.").partition(".")
        canonical = HF_LAYER_NAMES[part]
        rows = tensor[interleaved_order(len(tensor), HEAD_DIM)] if canonical in ("q", "k") else tensor
        renamed[f"{prefix}.{number}.{theirs[canonical]}.weight"] = rows
    return renamed
