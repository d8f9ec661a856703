"""all-MiniLM-L6-v2 in torch with the guard's outputs on top: what is trained, and then exported."""

import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from inference.encoders.guard_training.example import CATEGORIES

WIDTH, NUM_LAYERS, NUM_HEADS, NUM_INNER = 384, 6, 12, 1536
VOCABULARY, MAX_POSITIONS, NUM_TYPES = 30_522, 512, 2

NUM_OUTPUTS = 2 * (1 + len(CATEGORIES)) + 1
"""Unsafe and the categories as a prompt, the same as an answer, and jailbreak."""


class Embeddings(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(VOCABULARY, WIDTH)
        self.position_embeddings = nn.Embedding(MAX_POSITIONS, WIDTH)
        self.token_type_embeddings = nn.Embedding(NUM_TYPES, WIDTH)
        self.LayerNorm = nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, ids: Tensor, types: Tensor) -> Tensor:
        positions = torch.arange(ids.shape[1], device=ids.device)
        summed = self.word_embeddings(ids) + self.token_type_embeddings(types) + self.position_embeddings(positions)
        normed: Tensor = self.LayerNorm(summed)
        return normed


class Layer(nn.Module):
    """One layer of BERT, Devlin et al. 2018 (arXiv:1810.04805). hidden [B, T, 384], bias [B, 1, 1, T]."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.attended, self.attended_norm = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH, eps=1e-12)
        self.inner, self.outer = nn.Linear(WIDTH, NUM_INNER), nn.Linear(NUM_INNER, WIDTH)
        self.outer_norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        batch, tokens, _ = hidden.shape
        query, key, value = (
            part(hidden).view(batch, tokens, NUM_HEADS, WIDTH // NUM_HEADS).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(WIDTH // NUM_HEADS) + bias
        mixed = (scores.softmax(dim=-1) @ value).transpose(1, 2).reshape(batch, tokens, WIDTH)
        hidden = self.attended_norm(hidden + self.dropout(self.attended(mixed)))
        normed: Tensor = self.outer_norm(hidden + self.dropout(self.outer(functional.gelu(self.inner(hidden)))))
        return normed


class GuardNetwork(nn.Module):
    """[CLS] judged text [SEP] context [SEP] -> logits [B, 31].

    Pooled is the mean over the judged text (type 0), which has read the context (type 1) through attention.
    """

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = Embeddings()
        self.layers = nn.ModuleList(Layer() for _ in range(NUM_LAYERS))
        self.dropout = nn.Dropout(0.2)
        self.heads = nn.Linear(WIDTH, NUM_OUTPUTS)
        nn.init.normal_(self.heads.weight, std=0.02)
        nn.init.zeros_(self.heads.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        hidden = self.embeddings(input_ids, token_type_ids)
        bias = (1.0 - attention_mask[:, None, None, :].to(hidden.dtype)) * -10_000.0
        for layer in self.layers:
            hidden = layer(hidden, bias)
        judged = (attention_mask * (1 - token_type_ids)).to(hidden.dtype)[:, :, None]
        pooled = (hidden * judged).sum(dim=1) / judged.sum(dim=1)
        logits: Tensor = self.heads(self.dropout(pooled * 3.0))
        return logits


_NAMES = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "attended",
    "attention.output.LayerNorm": "attended_norm",
    "intermediate.dense": "inner",
    "output.dense": "outer",
    "output.LayerNorm": "outer_norm",
}


def pretrained(path: Path, *, seed: int = 0) -> GuardNetwork:
    """The network with the sentence encoder's weights and new outputs. `path` is its model.safetensors."""
    torch.manual_seed(seed)
    network = GuardNetwork()
    weights = {}
    for name, tensor in load_file(path).items():
        if name.startswith("embeddings.") and not name.endswith("position_ids"):
            weights[name] = tensor
        elif name.startswith("encoder.layer."):
            number, _, rest = name.removeprefix("encoder.layer.").partition(".")
            part, _, kind = rest.rpartition(".")
            weights[f"layers.{number}.{_NAMES[part]}.{kind}"] = tensor
    missing, unexpected = network.load_state_dict(weights, strict=False)
    if unexpected or set(missing) != {"heads.weight", "heads.bias"}:
        raise ValueError(f"{path} is not the encoder this network continues")
    return network
