"""Fitting the weights of hashed words."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from inference.encoders.guard import Array
from inference.encoders.word_features import NUM_ROWS, HashedWords, word_rows, word_scale


@dataclass(frozen=True, slots=True)
class WordsConfig:
    num_epochs: int = 8
    batch_size: int = 128
    learning_rate: float = 3e-3
    word_dropout: float = 0.2
    shrinkage: float = 3e-6
    seed: int = 0


def fit_words(texts: Sequence[str], labels: Array, weights: Array, config: WordsConfig) -> HashedWords:
    """Logistic regression. labels and weights [N, K]; a weight of zero means that the label is unknown."""
    torch.manual_seed(config.seed)
    words = nn.EmbeddingBag(NUM_ROWS, labels.shape[1], mode="sum")
    nn.init.zeros_(words.weight)
    bias = nn.Parameter(torch.zeros(labels.shape[1]))
    optimizer = torch.optim.Adam([words.weight, bias], lr=config.learning_rate)
    rows = [torch.tensor(word_rows(text), dtype=torch.long) for text in texts]
    targets, importance = torch.from_numpy(labels), torch.from_numpy(weights)
    for _ in range(config.num_epochs):
        for batch in torch.split(torch.randperm(len(rows)), config.batch_size):
            kept = [rows[i][torch.rand(len(rows[i])) >= config.word_dropout] for i in batch.tolist()]
            starts = torch.tensor([0, *(len(row) for row in kept[:-1])]).cumsum(0)
            scales = torch.tensor([word_scale(len(row)) for row in kept])
            logits = words(torch.cat(kept), starts) * scales[:, None] + bias
            loss = nn.functional.binary_cross_entropy_with_logits(
                logits, targets[batch], weight=importance[batch], reduction="sum"
            )
            shrunk = config.shrinkage * config.batch_size * words.weight.square().sum()
            optimizer.zero_grad()
            (loss / config.batch_size + shrunk).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
    return HashedWords(words.weight.detach().numpy(), bias.detach().numpy())
