"""Several guard networks trained side by side on one device, as one network whose weights have a first axis more."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from inference.encoders.guard_training.arrays import Views
from inference.encoders.guard_training.network import GuardNetwork
from inference.encoders.guard_training.opinions import mixed

WORDS = "embeddings.word_embeddings.weight"
MASK_ID, FIRST_WORD_ID = 103, 999
Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How K networks are trained. Sequences have an item for each."""

    num_epochs: int
    batch_size: int = 64
    encoder_rate: float = 1.5e-4
    head_rate: float = 1.5e-3
    weight_decay: float = 0.01
    warm_up: float = 0.06
    average_decay: float = 0.998
    left_out: Sequence[int] = (-1,)
    """The fold a network does not learn from."""
    opinion: Sequence[float] = (0.0,)
    """How much of a label is the teachers' opinion."""
    masked: Sequence[float] = (0.0,)
    """Share of the tokens that are hidden in training."""
    same_heads: bool = False
    seconds: float = math.inf
    seed: int = 0


class OnDevice:
    """Views on the device that trains, padded when they are asked for."""

    def __init__(self, views: Views, device: str) -> None:
        def sent(array: npt.NDArray[np.generic], kind: torch.dtype) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device, kind)

        self.lengths = np.diff(views.starts)
        self.labelled, self.unlabelled = views.labelled, views.unlabelled
        self.device = device
        self._ids = sent(views.ids, torch.int32)
        self._starts, self._judged = sent(views.starts, torch.int64), sent(views.judged, torch.int64)
        self._kinds, self.folds = sent(views.kinds, torch.int64), sent(views.folds, torch.int64)
        self._labels, self._weights = sent(views.labels, torch.float32), sent(views.weights, torch.float32)
        self._opinions = sent(views.opinions, torch.float32)

    def inputs(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Ids, mask and types of the rows, [..., T]. The rows are on the CPU, so that nothing waits for the device."""
        num_tokens = int(self.lengths[rows.numpy()].max())
        rows = rows.to(self.device, non_blocking=True)
        starts = self._starts[rows][..., None]
        lengths = self._starts[rows + 1][..., None] - starts
        at = torch.arange(num_tokens, device=self.device)
        mask = at < lengths
        ids = self._ids[torch.where(mask, starts + at, 0)].long() * mask
        return ids, mask.long(), (mask & (at >= self._judged[rows][..., None])).long()

    def targets(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        kinds = self._kinds[rows.to(self.device, non_blocking=True)]
        return self._labels[kinds], self._weights[kinds], self._opinions[kinds]


def stacked(start: GuardNetwork, num: int, plan: Plan, device: str) -> Weights:
    """The weights of `num` networks that begin as `start` does, each with outputs of its own."""
    weights = {}
    for name, value in start.state_dict().items():
        if name == WORDS:
            weights[name] = value.to(device)
            continue
        copies = value.unsqueeze(0).repeat(num, *[1] * value.ndim)
        if name == "heads.weight":
            torch.manual_seed(plan.seed)
            copies = torch.randn_like(copies[:1] if plan.same_heads else copies) * 0.02
            copies = copies.expand(num, *value.shape)
        weights[name] = copies.contiguous().to(device)
    return weights


def logits_of(network: GuardNetwork, weights: Weights, inputs: Sequence[Tensor]) -> Tensor:
    """[K, B, 31] of inputs [K, B, T]."""
    many = {name: value for name, value in weights.items() if name != WORDS}

    def one(own: Weights, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        logits: Tensor = functional_call(network, {**own, WORDS: weights[WORDS]}, (ids, mask, types))
        return logits

    with torch.autocast(inputs[0].device.type, dtype=torch.bfloat16):
        logits: Tensor = vmap(one, randomness="different")(many, *inputs)
    return logits.float()


def train(start: GuardNetwork, data: OnDevice, plan: Plan, opinions: Tensor | None = None) -> Weights:
    """The moving averages of the weights of as many networks as the plan has folds for.

    `opinions` [K, V, 31] or [1, V, 31] are logits of teachers. Where time runs out first, the rates go down to zero
    by then.
    """
    num, device, began = len(plan.left_out), data.device, time.monotonic()
    weights = stacked(start, num, plan, device)
    network = GuardNetwork().to(device).train()
    trained = {name: value.requires_grad_() for name, value in weights.items() if name != WORDS}
    average = {name: value.detach().clone() for name, value in trained.items()}
    groups = [
        {"params": [v for name, v in trained.items() if not name.startswith("heads.")], "lr": plan.encoder_rate},
        {"params": [v for name, v in trained.items() if name.startswith("heads.")], "lr": plan.head_rate},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=plan.weight_decay, fused=device != "cpu")
    rates = [group["lr"] for group in optimizer.param_groups]
    rng = np.random.default_rng(plan.seed)
    left_out, share, masked = (torch.tensor(each, device=device) for each in (plan.left_out, plan.opinion, plan.masked))
    per_epoch = len(_batches(data, plan, num, 0, rng, opinions is not None))
    total, step = plan.num_epochs * per_epoch, 0
    for number in range(plan.num_epochs):
        losses = torch.zeros(num, device=device)
        batches = _batches(data, plan, num, number, rng, opinions is not None)
        for rows in batches:
            progress = max(step / total, (time.monotonic() - began) / plan.seconds)
            if progress >= 1.0:
                return {**average, WORDS: weights[WORDS]}
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * min(progress / plan.warm_up + 1e-3, (1.0 - progress) / (1.0 - plan.warm_up))
            ids, mask, types = data.inputs(rows)
            hidden = (torch.rand(ids.shape, device=device) < masked[:, None, None]) & (ids > FIRST_WORD_ID)
            logits = logits_of(network, weights, (ids.masked_fill(hidden, MASK_ID), mask, types))
            labels, importance, opinion_importance = data.targets(rows)
            rows = rows.to(device)
            importance = importance * (data.folds[rows] != left_out[:, None])[:, :, None]
            if opinions is not None:
                said = torch.sigmoid(opinions[0][rows]) if len(opinions) == 1 else _of_each(opinions, rows)
                labels, importance = mixed(labels, importance, said, opinion_importance, share[:, None, None])
            loss = nn.functional.binary_cross_entropy_with_logits(logits, labels, weight=importance, reduction="none")
            each = loss.sum(dim=(1, 2)) / rows.shape[1]
            optimizer.zero_grad()
            each.sum().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            _clip([value.grad for value in trained.values() if value.grad is not None])
            optimizer.step()
            step += 1
            decay = min(plan.average_decay, step / (step + 20))
            with torch.no_grad():
                torch._foreach_lerp_([*average.values()], [v.detach() for v in trained.values()], 1.0 - decay)
            losses += each.detach()
        seconds = time.monotonic() - began
        shown = " ".join(f"{value:.3f}" for value in (losses / per_epoch).tolist())
        print(f"  epoch {number + 1}: {seconds:.1f} s, {step} steps, loss {shown}", flush=True)
    return {**average, WORDS: weights[WORDS]}


def _of_each(opinions: Tensor, rows: Tensor) -> Tensor:
    return torch.stack([torch.sigmoid(own[of]) for own, of in zip(opinions, rows, strict=True)])


def _batches(
    data: OnDevice, plan: Plan, num: int, number: int, rng: np.random.Generator, with_unlabelled: bool
) -> list[Tensor]:
    """[K, B] rows of views: each network has an order, and views, of its own, but lengths that are alike."""
    sorted_rows = []
    for k in range(num):
        rows = data.labelled[(number + k) % len(data.labelled)]
        if with_unlabelled:
            rows = np.concatenate([rows, data.unlabelled[(number + k) % len(data.unlabelled)]])
        rows = rng.permutation(rows)
        sorted_rows.append(rows[np.argsort(data.lengths[rows] + rng.uniform(0, 2, len(rows)), kind="stable")])
    together = torch.from_numpy(np.stack(sorted_rows).astype(np.int64))
    starts = rng.permutation(np.arange(0, together.shape[1], plan.batch_size))
    return [together[:, start : start + plan.batch_size] for start in starts]


@torch.no_grad()
def _clip(gradients: Sequence[Tensor], limit: float = 1.0) -> None:
    """Each network's gradient to a length of at most `limit`."""
    squares = torch.stack([gradient.flatten(1).square().sum(dim=1) for gradient in gradients]).sum(dim=0)
    scale = (limit / (squares.sqrt() + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.view(-1, *[1] * (gradient.ndim - 1)))


@torch.no_grad()
def predict(weights: Weights, data: OnDevice, batch_tokens: int = 16_384) -> Tensor:
    """Logits [K, V, 31] of all views."""
    network = GuardNetwork().to(data.device).eval()
    num = len(weights["heads.bias"])
    order = torch.from_numpy(np.argsort(data.lengths, kind="stable"))
    logits = torch.empty(num, len(order), weights["heads.bias"].shape[1], device=data.device)
    start = 0
    while start < len(order):
        size = max(1, batch_tokens // int(data.lengths[order[min(start + 256, len(order) - 1)]]))
        rows = order[start : start + size]
        inputs = [part.expand(num, *part.shape) for part in data.inputs(rows)]
        logits[:, rows.to(data.device)] = logits_of(network, weights, inputs)
        start += size
    return logits
