"""Fine-tuning a network on labelled texts: from the sentence encoder, or from a guard that is there."""

import copy
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from inference.encoders.guard import Array
from inference.encoders.guard_training.arrays import opinion_weights
from inference.encoders.guard_training.example import Example
from inference.encoders.guard_training.labels import OWN, labels_of
from inference.encoders.guard_training.network import GuardNetwork
from inference.encoders.guard_training.opinions import mixed
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
    opinion: float = 0.0
    """How much of a label is what the network said of the text before, so that it forgets little; of our own texts,
    which are written where it was wrong, nothing."""
    seed: int = 0


REFINING = TrainingConfig(num_epochs=1, encoder_rate=4.0e-5, head_rate=2.0e-4, average_decay=0.995, opinion=0.5)
"""For a network that has learned these texts, and now reads some more."""


def fit(examples: Sequence[Example], tokenizer: Tokens, network: GuardNetwork, config: TrainingConfig) -> GuardNetwork:
    """`network` trained on, in all its layers but the word vectors: the moving average of its weights.

    In bfloat16 where the processor has it, with float32 weights, AdamW, linear warm-up and decay. Seeded: the same
    texts give the same network on the same machine and number of threads.
    """
    torch.manual_seed(config.seed)
    rng = random.Random(config.seed)  # noqa: S311  # an order of texts is no secret
    before = copy.deepcopy(network).eval() if config.opinion else None
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
            total += _step(network, batch, optimizer, before, config.opinion)
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
    with torch.inference_mode(), _half_precision():
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            inputs = [torch.from_numpy(part) for part in padded([encodings[row] for row in rows])]
            logits[rows] = network(*inputs).float().numpy()
    return logits


@dataclass(frozen=True, slots=True)
class _Batch:
    """labels, weights and how much an opinion of each output counts [B, 31]; is_own [B]: it is a text of our own."""

    inputs: list[Tensor]
    labels: Tensor
    weights: Tensor
    opinion_weights: Tensor
    is_own: Tensor


def _half_precision() -> torch.autocast:
    """Of some use only where the processor computes with it."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled="AVX512" in torch.backends.cpu.get_cpu_capability())


def _batches(examples: Sequence[Example], tokenizer: Tokens, batch_size: int, rng: random.Random) -> Iterator[_Batch]:
    """Texts of similar length, in random order."""
    bucket = batch_size * BUCKET_BATCHES
    for first in range(0, len(examples), bucket):
        part = examples[first : first + bucket]
        encodings = tokenizer.encode([pair_of(example) for example in part])
        order = sorted(range(len(part)), key=lambda row: len(encodings[row].ids))
        groups = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        rng.shuffle(groups)
        for group in groups:
            chosen = [part[row] for row in group]
            labels, weights = (torch.from_numpy(array) for array in labels_of(chosen))
            inputs = [torch.from_numpy(array) for array in padded([encodings[row] for row in group])]
            opinions = torch.from_numpy(opinion_weights(chosen))
            is_own = torch.tensor([example.source.startswith(OWN) for example in chosen])
            yield _Batch(inputs, labels, weights, opinions, is_own)


def _step(
    network: GuardNetwork,
    batch: _Batch,
    optimizer: torch.optim.Optimizer,
    before: GuardNetwork | None,
    opinion: float,
) -> float:
    labels, weights = batch.labels, batch.weights
    with _half_precision():
        logits = network(*batch.inputs)
        if before is not None:
            with torch.inference_mode():
                said = before(*batch.inputs).float().sigmoid()
            share = opinion * (~batch.is_own[:, None]).float()
            labels, weights = mixed(labels, weights, said, batch.opinion_weights, share)
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
