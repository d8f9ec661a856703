"""Fitting a head of the guard to labelled texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from inference.encoders.guard import NUM_WORD_ROWS, Array, Head, word_rows, word_scale
from inference.encoders.minilm import DIMENSIONS, Vectors


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    num_hidden: int = 128
    num_seeds: int = 4
    num_epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    vector_dropout: float = 0.1
    hidden_dropout: float = 0.3
    word_dropout: float = 0.3
    vector_scale: float = 5.0  # brings the 384 numbers of a unit vector near variance one


class _Network(nn.Module):
    """What `Head` computes, while it learns."""

    def __init__(self, num_outputs: int, config: TrainingConfig) -> None:
        super().__init__()
        self.config = config
        self.hidden = nn.Linear(DIMENSIONS, config.num_hidden)
        self.out = nn.Linear(config.num_hidden, num_outputs)
        self.words = nn.EmbeddingBag(NUM_WORD_ROWS, num_outputs, mode="sum")
        nn.init.zeros_(self.words.weight)

    def forward(self, vectors: Tensor, rows: Sequence[Tensor]) -> Tensor:
        config = self.config
        vectors = nn.functional.dropout(vectors * config.vector_scale, config.vector_dropout)
        hidden = nn.functional.dropout(torch.relu(self.hidden(vectors)), config.hidden_dropout)
        kept = [row[torch.rand(len(row)) > config.word_dropout] for row in rows]
        starts = torch.tensor([0, *(len(row) for row in kept[:-1])]).cumsum(0)
        scales = torch.tensor([word_scale(len(row)) for row in kept])
        logits: Tensor = self.out(hidden) + self.words(torch.cat(kept), starts) * scales[:, None]
        return logits


def fit(vectors: Vectors, texts: Sequence[str], labels: Array, weights: Array, config: TrainingConfig) -> Head:
    """The mean of several networks, which is again one: their hidden units side by side.

    vectors [N, 384], labels and weights [N, K]; a weight of zero means that the label is unknown.
    """
    inputs, targets, importance = torch.from_numpy(vectors), torch.from_numpy(labels), torch.from_numpy(weights)
    rows = [torch.tensor(word_rows(text), dtype=torch.long) for text in texts]
    networks = [_fit_one(inputs, rows, targets, importance, seed, config) for seed in range(config.num_seeds)]
    share = 1.0 / len(networks)
    return Head(
        hidden_weight=np.concatenate([_array(n.hidden.weight).T * config.vector_scale for n in networks], axis=1),
        hidden_bias=np.concatenate([_array(n.hidden.bias) for n in networks]),
        out_weight=np.concatenate([_array(n.out.weight).T * share for n in networks]),
        out_bias=np.sum([_array(n.out.bias) * share for n in networks], axis=0),
        word_weight=np.sum([_array(n.words.weight) * share for n in networks], axis=0),
    )


def _fit_one(
    inputs: Tensor, rows: Sequence[Tensor], targets: Tensor, importance: Tensor, seed: int, config: TrainingConfig
) -> _Network:
    torch.manual_seed(seed)
    network = _Network(targets.shape[1], config)
    dense = [*network.hidden.parameters(), *network.out.parameters()]
    optimizer = torch.optim.AdamW(network.words.parameters(), lr=config.learning_rate, weight_decay=0.0)
    optimizer.add_param_group({"params": dense, "weight_decay": config.weight_decay})
    for _ in range(config.num_epochs):
        for batch in torch.split(torch.randperm(len(inputs)), config.batch_size):
            logits = network(inputs[batch], [rows[i] for i in batch.tolist()])
            loss = nn.functional.binary_cross_entropy_with_logits(
                logits, targets[batch], weight=importance[batch], reduction="sum"
            )
            optimizer.zero_grad()
            (loss / config.batch_size).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
    return network


def _array(parameter: Tensor) -> Array:
    return parameter.detach().numpy()
