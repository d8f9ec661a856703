"""An EAGLE-3 head: one decoder layer that reads what the target model thinks and guesses what it will say.

    features of token i   [low ; middle ; high]  --fc-->  h     the target's residual stream entering three layers
    token i + 1           embedding              ------>  e
    layer                 h + attention([norm(e) ; norm(h)]), then the usual MLP   -> h'
    guess of token i + 2  argmax of lm_head(norm(h')) over a short vocabulary, mapped to the target's ids
    one more              h' takes the place of h, the guess that of token i + 1, at the next position

EAGLE-3 (Li et al. 2025, arXiv:2503.01840). No published head has been run with this code: it is compared with a plain
reference on random heads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from inference.kvcache.storage import KvShape, KvStorage, slots_of
from inference.model.batch import Segment
from inference.model.rotary import RotaryTable, rotate
from inference.weights.shape import Rope

NUM_FEATURES = 3
NORMS = ("midlayer.input_layernorm", "midlayer.hidden_norm", "midlayer.post_attention_layernorm", "norm")


def feature_layers(num_layers: int) -> tuple[int, int, int]:
    """The layers whose input the published heads were trained on, counted from 0."""
    return 2, num_layers // 2, num_layers - 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EagleShape:
    """The numbers of a head. `draft_vocab_size` rows of its own lm_head, of the target's `vocab_size` ids."""

    hidden_size: int
    target_hidden_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    mlp_size: int
    vocab_size: int
    draft_vocab_size: int
    norm_eps: float
    rope_theta: float

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of a head but the optional embedding and t2d, which says the same as d2t."""
        hidden, queries, keys = self.hidden_size, self.num_heads * self.head_dim, self.num_kv_heads * self.head_dim
        return dict.fromkeys((f"{name}.weight" for name in NORMS), (hidden,)) | {
            "fc.weight": (hidden, NUM_FEATURES * self.target_hidden_size),
            "midlayer.self_attn.q_proj.weight": (queries, 2 * hidden),
            "midlayer.self_attn.k_proj.weight": (keys, 2 * hidden),
            "midlayer.self_attn.v_proj.weight": (keys, 2 * hidden),
            "midlayer.self_attn.o_proj.weight": (hidden, queries),
            "midlayer.mlp.gate_proj.weight": (self.mlp_size, hidden),
            "midlayer.mlp.up_proj.weight": (self.mlp_size, hidden),
            "midlayer.mlp.down_proj.weight": (hidden, self.mlp_size),
            "lm_head.weight": (self.draft_vocab_size, hidden),
            "d2t": (self.draft_vocab_size,),
        }


class EagleHead:
    """The head in memory. `embedding` [vocab, hidden] is the target's, where the head brings none of its own."""

    def __init__(
        self, shape: EagleShape, tensors: Mapping[str, Tensor], *, embedding: Tensor, max_context: int
    ) -> None:
        self.shape = shape
        self._dtype, self._device = tensors["fc.weight"].dtype, tensors["fc.weight"].device
        self.kv_shape = KvShape(
            num_layers=1,
            num_kv_heads=shape.num_kv_heads,
            head_dim=shape.head_dim,
            dtype=self._dtype,
            device=str(self._device),
        )
        self._tensors = {name: tensor for name, tensor in tensors.items() if name != "d2t"}
        parts = ("q_proj", "k_proj", "v_proj")
        self._qkv = torch.cat([self._tensors.pop(f"midlayer.self_attn.{part}.weight") for part in parts])
        # Stored as the distance from a draft id to the target's id.
        self._target_ids = tensors["d2t"] + torch.arange(shape.draft_vocab_size, device=self._device)
        self._embedding = embedding
        self._rope = RotaryTable(Rope(theta=shape.rope_theta), head_dim=shape.head_dim, num_positions=max_context)
        self.max_context = max_context

    def fuse(self, features: Tensor) -> Tensor:
        """Features [T, 3 * target hidden] to hidden states [T, hidden]."""
        return functional.linear(features.to(self._device, self._dtype), self._tensors["fc.weight"])

    def forward(
        self, ids: Sequence[int], hidden: Tensor, segments: Sequence[Segment], starts: Sequence[int], kv: KvStorage
    ) -> Tensor:
        """Compute T rows, write their keys and values, return the next hidden states [T, hidden].

        Row r stands for ids[r] together with what was thought one token before it, hidden[r]; its position is that of
        the thought. Segment i sees positions from starts[i] on.
        """
        embedded = self._embedding[torch.tensor(list(ids), device=self._embedding.device)].to(self._device, self._dtype)
        both = torch.cat(
            (self._norm(embedded, "midlayer.input_layernorm"), self._norm(hidden, "midlayer.hidden_norm")), dim=-1
        )
        hidden = hidden + self._attention(functional.linear(both, self._qkv), segments, starts, kv)
        normed = self._norm(hidden, "midlayer.post_attention_layernorm")
        gate, up = (functional.linear(normed, self._tensors[f"midlayer.mlp.{n}_proj.weight"]) for n in ("gate", "up"))
        return hidden + functional.linear(functional.silu(gate) * up, self._tensors["midlayer.mlp.down_proj.weight"])

    def best_ids(self, hidden: Tensor) -> list[int]:
        """The most likely next token of each of [T, hidden], as the target's ids."""
        logits = functional.linear(self._norm(hidden, "norm"), self._tensors["lm_head.weight"])
        best: list[int] = self._target_ids[logits.argmax(dim=-1)].tolist()
        return best

    def _attention(self, qkv: Tensor, segments: Sequence[Segment], starts: Sequence[int], kv: KvStorage) -> Tensor:
        shape = self.shape
        heads = qkv.view(qkv.shape[0], -1, shape.head_dim)
        positions = torch.cat([torch.arange(s.position, s.position + s.num_tokens) for s in segments])
        cos, sin = (table.to(self._device) for table in self._rope.at(positions))
        num_rotated = shape.num_heads + shape.num_kv_heads
        rotated = rotate(heads[:, :num_rotated].float(), cos, sin).to(self._dtype)
        slots = [slot for s in segments for slot in slots_of(s.block_ids, s.position, s.num_tokens)]
        kv.write(0, torch.tensor(slots, device=self._device), rotated[:, shape.num_heads :], heads[:, num_rotated:])
        mixed = [
            self._attend(rotated[s.row : s.row + s.num_tokens, : shape.num_heads], s, start, kv)
            for s, start in zip(segments, starts, strict=True)
        ]
        return functional.linear(torch.cat(mixed), self._tensors["midlayer.self_attn.o_proj.weight"])

    def _attend(self, queries: Tensor, segment: Segment, start: int, kv: KvStorage) -> Tensor:
        """Queries [T, H, D] of one segment over its keys from `start` on, each up to its own position: [T, H * D]."""
        end = segment.position + segment.num_tokens
        keys, values = kv.read(0, torch.tensor(list(segment.block_ids), device=self._device))
        positions = torch.arange(end, device=self._device)
        own = positions[segment.position :, None]
        mask = (positions <= own) & (positions >= start)
        num_sharing = self.shape.num_heads // self.shape.num_kv_heads
        keys, values = (t[:, :end].repeat_interleave(num_sharing, dim=0) for t in (keys, values))
        mixed = functional.scaled_dot_product_attention(queries.transpose(0, 1), keys, values, attn_mask=mask)
        return mixed.transpose(0, 1).reshape(segment.num_tokens, -1)

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight = self._tensors[f"{name}.weight"]
        return functional.rms_norm(x.float(), weight.shape, weight.float(), self.shape.norm_eps).to(self._dtype)
