"""Fine-tuning the network on labelled texts."""

import copy
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from inference.encoders.guard import Array
from inference.encoders.guard_training.example import Example
from inference.encoders.guard_training.labels import labels_of
from inference.encoders.guard_training.network import GuardNetwork, pretrained
from inference.encoders.guard_training.reading import epoch, pair_of
from inference.encoders.tokens import Tokens, padded

BUCKET_BATCHES = 40


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    num_epochs: int = 2
    batch_size: int = 32
    encoder_rate: float = 1.0e-4
    head_rate: float = 1.0e-3
    weight_decay: float = 0.01
    warm_up: float = 0.06
    average_decay: float = 0.998
    """Of the moving average of the weights, which is what we keep."""
    seed: int = 0


def fit(examples: Sequence[Example], tokenizer: Tokens, weights: Path, config: TrainingConfig) -> GuardNetwork:
    """The sentence encoder, trained in all its layers but the word vectors, with the guard's outputs.

    In bfloat16 with float32 weights, AdamW, linear warm-up and decay. Seeded: the same texts give the same network on
    the same machine and number of threads.
    """
    torch.manual_seed(config.seed)
    rng = random.Random(config.seed)  # noqa: S311  # an order of texts is no secret
    network = pretrained(weights)
    network.embeddings.word_embeddings.requires_grad_(False)
    average = copy.deepcopy(network).eval()
    epochs = [list(epoch(examples, rng)) for _ in range(config.num_epochs)]
    num_steps = sum(-(-len(read) // config.batch_size) for read in epochs)
    encoder = [p for name, p in network.named_parameters() if p.requires_grad and not name.startswith("heads.")]
    optimizer = torch.optim.AdamW(encoder, lr=config.encoder_rate, weight_decay=config.weight_decay)
    optimizer.add_param_group({"params": [*network.heads.parameters()], "lr": config.head_rate})
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / num_steps, config.warm_up))
    step, started = 0, time.monotonic()
    network.train()
    for number, read in enumerate(epochs):
        total = 0.0
        for batch in _batches(read, tokenizer, config.batch_size, rng):
            total += _step(network, batch, optimizer)
            schedule.step()
            step += 1
            _follow(average, network, min(config.average_decay, step / (step + 20)))
        seconds = time.monotonic() - started
        print(f"epoch {number + 1}: {len(read)} texts, loss {total / len(read):.4f}, {seconds:.0f} s", flush=True)
    return average


def predict(network: GuardNetwork, examples: Sequence[Example], tokenizer: Tokens, batch_size: int = 32) -> Array:
    """Logits [N, 31] of the texts as they stand, cut at the longest the network reads."""
    encodings = tokenizer.encode([pair_of(example) for example in examples])
    order = sorted(range(len(examples)), key=lambda row: len(encodings[row].ids))
    logits = np.empty((len(examples), network.heads.out_features), dtype=np.float32)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            inputs = [torch.from_numpy(part) for part in padded([encodings[row] for row in rows])]
            logits[rows] = network(*inputs).float().numpy()
    return logits


def _batches(
    examples: Sequence[Example], tokenizer: Tokens, batch_size: int, rng: random.Random
) -> Iterator[tuple[list[Tensor], Tensor, Tensor]]:
    """Batches of texts of similar length, in random order."""
    bucket = batch_size * BUCKET_BATCHES
    for first in range(0, len(examples), bucket):
        part = examples[first : first + bucket]
        encodings = tokenizer.encode([pair_of(example) for example in part])
        order = sorted(range(len(part)), key=lambda row: len(encodings[row].ids))
        groups = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        rng.shuffle(groups)
        for group in groups:
            labels, weights = labels_of([part[row] for row in group])
            inputs = [torch.from_numpy(array) for array in padded([encodings[row] for row in group])]
            yield inputs, torch.from_numpy(labels), torch.from_numpy(weights)


def _step(network: GuardNetwork, batch: tuple[list[Tensor], Tensor, Tensor], optimizer: torch.optim.Optimizer) -> float:
    inputs, labels, weights = batch
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(*inputs)
    loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), labels, weight=weights, reduction="sum")
    optimizer.zero_grad()
    (loss / len(labels)).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    nn.utils.clip_grad_norm_([p for p in network.parameters() if p.requires_grad], 1.0)
    optimizer.step()
    return float(loss.detach())


def _rate(progress: float, warm_up: float) -> float:
    return min(progress / warm_up, (1.0 - progress) / (1.0 - warm_up))


@torch.no_grad()
def _follow(average: GuardNetwork, network: GuardNetwork, decay: float) -> None:
    for kept, now in zip(average.parameters(), network.parameters(), strict=True):
        if now.requires_grad:
            kept.lerp_(now, 1.0 - decay)
