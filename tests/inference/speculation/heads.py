"""Small EAGLE-3 heads: random ones, and ones whose weights are made so that they are right."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.inference.checkpoints import HEAD_DIM, HEADS, HIDDEN, KV_HEADS, MLP, VOCAB


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSizes:
    """What a head's config.json says. Without values: for the small random Llama of the tests."""

    hidden: int = HIDDEN
    heads: int = HEADS
    kv_heads: int = KV_HEADS
    dim: int = HEAD_DIM
    mlp: int = MLP
    vocab: int = VOCAB
    draft_vocab: int = VOCAB

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """The matrices of a head, written out by hand."""
        return {
            "fc": (self.hidden, 3 * self.hidden),
            "midlayer.self_attn.q_proj": (self.heads * self.dim, 2 * self.hidden),
            "midlayer.self_attn.k_proj": (self.kv_heads * self.dim, 2 * self.hidden),
            "midlayer.self_attn.v_proj": (self.kv_heads * self.dim, 2 * self.hidden),
            "midlayer.self_attn.o_proj": (self.hidden, self.heads * self.dim),
            "midlayer.mlp.gate_proj": (self.mlp, self.hidden),
            "midlayer.mlp.up_proj": (self.mlp, self.hidden),
            "midlayer.mlp.down_proj": (self.hidden, self.mlp),
            "lm_head": (self.draft_vocab, self.hidden),
        }


NORMS = ("norm", *(f"midlayer.{name}" for name in ("input_layernorm", "hidden_norm", "post_attention_layernorm")))
ONE_WIDE_HEAD = HeadSizes(heads=1, kv_heads=1, dim=HIDDEN)


def random_tensors(sizes: HeadSizes) -> dict[str, Tensor]:
    """A head's file: draft id i stands for some target id not below i."""
    g = torch.Generator().manual_seed(5)
    tensors = {f"{name}.weight": torch.randn(size, generator=g) * 0.4 for name, size in sizes.tensor_shapes().items()}
    for name in NORMS:
        tensors[f"{name}.weight"] = 1 + 0.3 * torch.randn(sizes.hidden, generator=g)
    ids = torch.tensor(sorted(random.Random(6).sample(range(sizes.vocab), sizes.draft_vocab)))
    tensors["d2t"] = ids - torch.arange(sizes.draft_vocab)
    tensors["t2d"] = torch.zeros(sizes.vocab, dtype=torch.bool).index_fill(0, ids, True)
    return tensors


def listening_tensors(embedding: Tensor, followers: Mapping[int, int]) -> dict[str, Tensor]:
    """Knows what follows the token it is given, and so is right in chains of any length.

    Each position attends to itself: queries and keys are the token's own embedding e, far from that of any other. Its
    value takes the last thought away and puts e in its place, and the head's table says what follows e.
    """
    tensors = _without_effect()
    own, thought = torch.eye(HIDDEN), torch.zeros(HIDDEN, HIDDEN)
    for name in ("q_proj", "k_proj"):
        tensors[f"midlayer.self_attn.{name}.weight"] = torch.cat((2 * own, thought), dim=1)
    tensors["midlayer.self_attn.v_proj.weight"] = torch.cat((own, -own), dim=1)
    tensors["midlayer.self_attn.o_proj.weight"] = own.clone()
    for token_id, follower in followers.items():
        tensors["lm_head.weight"][follower] = embedding[token_id]
    return tensors


def mind_reading_tensors(embedding: Tensor, followers: Mapping[int, int]) -> dict[str, Tensor]:
    """Knows the target's thoughts alone, the mean of three layers, and what comes two tokens after what they mean."""
    tensors = _without_effect()
    tensors["fc.weight"] = torch.cat([torch.eye(HIDDEN) / 3] * 3, dim=1)
    for token_id, follower in followers.items():
        if follower in followers:
            tensors["lm_head.weight"][followers[follower]] = embedding[token_id]
    return tensors


def _without_effect() -> dict[str, Tensor]:
    tensors = {f"{name}.weight": torch.zeros(size) for name, size in ONE_WIDE_HEAD.tensor_shapes().items()}
    ones = {f"{name}.weight": torch.ones(HIDDEN) for name in NORMS}
    return tensors | ones | {"d2t": torch.zeros(VOCAB, dtype=torch.int64)}


def write_head(folder: Path, sizes: HeadSizes, tensors: Mapping[str, Tensor], **config: object) -> Path:
    """config.json and model.safetensors, as heads are published."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {
        "architectures": ["LlamaForCausalLMEagle3"],
        "hidden_size": sizes.hidden,
        "intermediate_size": sizes.mlp,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.kv_heads,
        "num_hidden_layers": 1,
        "rms_norm_eps": 1e-5,
        "vocab_size": sizes.vocab,
        "draft_vocab_size": sizes.draft_vocab,
    }
    (folder / "config.json").write_text(json.dumps(whole | config))
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    return folder
