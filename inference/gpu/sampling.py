"""Choosing the tokens of many rows on the device, as the CPU's TokenChooser does it, without the logits leaving it.

Greedy, or temperature with top-k, top-p and min-p and the noise of `sampling/noise.py`: splitmix64 of (seed, position,
token) in 64-bit integers, which wrap on a device as they do on the host, so the bits are the same. Logarithms and
exponentials may differ in the last place, so a reply may part from the CPU's where two tokens are as good as tied.

Rows that need more (a grammar, penalties, logprobs) are the CPU chooser's: `on_device` tells them apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import torch
from torch import Tensor

from inference.model.batch import FAILED
from inference.sampling.noise import key_of_seed
from inference.sampling.params import SamplingParams

GREEDY_BELOW = 1e-5
Method = Literal["greedy", "whole", "truncated"]
METHODS: tuple[Method, ...] = ("truncated", "whole", "greedy")

_STEP, _FIRST, _SECOND = (value - (1 << 64) for value in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRows:
    """How R rows are sampled, on their device.

    keys          [R]  int64    `key_of_seed` of each seed
    positions     [R]  int64    of the token in its reply
    temperatures  [R]  float32  0 = greedy
    top_k         [R]  int64    0 = all
    top_p, min_p  [R]  float64
    method             the least that serves all rows: it decides what is computed, and a graph holds one
    """

    keys: Tensor
    positions: Tensor
    temperatures: Tensor
    top_k: Tensor
    top_p: Tensor
    min_p: Tensor
    method: Method

    @classmethod
    def of(cls, params: Sequence[SamplingParams], positions: Sequence[int], *, device: str) -> "SamplingRows":
        keys = [_signed(key_of_seed(row.seed)) for row in params]
        return cls(
            keys=torch.tensor(keys, dtype=torch.int64, device=device),
            positions=torch.tensor(list(positions), dtype=torch.int64, device=device),
            temperatures=torch.tensor([_temperature(row) for row in params], dtype=torch.float32, device=device),
            top_k=torch.tensor([row.top_k for row in params], dtype=torch.int64, device=device),
            top_p=torch.tensor([row.top_p for row in params], dtype=torch.float64, device=device),
            min_p=torch.tensor([row.min_p for row in params], dtype=torch.float64, device=device),
            method=method_for(params),
        )

    def copy_from(self, other: "SamplingRows") -> None:
        """Take over what another says of as many rows, in the tensors that a graph reads."""
        for field in fields(self):
            if field.name != "method":
                getattr(self, field.name).copy_(getattr(other, field.name))


def on_device(params: SamplingParams) -> bool:
    """Whether `sample_rows` chooses as these parameters ask for."""
    changes_logits = (
        params.repetition_penalty != 1
        or params.presence_penalty
        or params.frequency_penalty
        or params.dry_multiplier
        or params.logit_bias
        or params.min_tokens
        or params.ignore_eos
        or params.grammar
    )
    return not changes_logits and params.num_logprobs is None and params.typical_p >= 1


def method_for(params: Sequence[SamplingParams]) -> Method:
    """The least that serves all of these."""
    drawing = [row for row in params if _temperature(row) > 0]
    if not drawing:
        return "greedy"
    return "truncated" if any(row.top_k or row.top_p < 1 or row.min_p > 0 for row in drawing) else "whole"


def sample_rows(logits: Tensor, rows: SamplingRows) -> Tensor:
    """Token ids [R] int64 of logits [R, V] float32, left as they are; FAILED where none is a number."""
    scores = logits.nan_to_num(nan=-torch.inf, neginf=-torch.inf)
    most, best = scores.max(dim=-1)
    if rows.method == "greedy":
        chosen = best
    else:
        # A greedy row is drawn along with the others, at any temperature, and then not taken.
        is_greedy = rows.temperatures == 0
        temperatures = torch.where(is_greedy, 1.0, rows.temperatures)
        scaled = (scores - most[:, None]) / temperatures[:, None]
        drawn = _draw_truncated(scaled, rows) if rows.method == "truncated" else _draw_from_all(scaled, rows)
        chosen = torch.where(is_greedy, best, drawn)
    return torch.where(most == -torch.inf, FAILED, chosen)


def gumbel_noise(keys: Tensor, positions: Tensor, token_ids: Tensor) -> Tensor:
    """Standard Gumbel noise [R, n] float64 for token ids [R, n] or [n]."""
    uniform = (_shifted(noise_bits(keys, positions, token_ids), 11).double() + 0.5) * 2.0**-53
    return -torch.log(-torch.log(uniform))


def noise_bits(keys: Tensor, positions: Tensor, token_ids: Tensor) -> Tensor:
    """The 64 bits [R, n] that the noise is made of, as int64."""
    return _mix(token_ids ^ _mix(keys ^ positions)[:, None])


def _draw_from_all(scaled: Tensor, rows: SamplingRows) -> Tensor:
    token_ids = torch.arange(scaled.shape[1], device=scaled.device)
    return (scaled.double() + gumbel_noise(rows.keys, rows.positions, token_ids)).argmax(-1)


def _draw_truncated(scaled: Tensor, rows: SamplingRows) -> Tensor:
    """The rules of `sampling/truncation.py` in their order, on all tokens, best first."""
    values, token_ids = scaled.sort(dim=-1, descending=True, stable=True)
    rank = torch.arange(scaled.shape[1], device=scaled.device)
    kept = (rank < rows.top_k[:, None]) | (rows.top_k == 0)[:, None]
    total = values.masked_fill(~kept, -torch.inf).logsumexp(-1, keepdim=True).double()
    values = values.double()
    probabilities = (values - total).exp().masked_fill(~kept, 0.0)
    before = probabilities.cumsum(-1) - probabilities
    kept &= (before < rows.top_p[:, None]) | (rows.top_p >= 1)[:, None] | (rank == 0)
    kept &= values >= rows.min_p.log()[:, None]  # log 0 is minus infinity: everything
    scores = values + gumbel_noise(rows.keys, rows.positions, token_ids)
    return token_ids.gather(1, scores.masked_fill(~kept, -torch.inf).argmax(-1, keepdim=True)).squeeze(1)


def _temperature(params: SamplingParams) -> float:
    return params.temperature if params.temperature >= GREEDY_BELOW else 0.0


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _shifted(value: Tensor, places: int) -> Tensor:
    """A logical shift to the right: an int64's own fills up with its sign."""
    return (value >> places) & ((1 << (64 - places)) - 1)


def _mix(value: Tensor) -> Tensor:
    """splitmix64's finaliser on int64, as `sampling/noise.py` has it on uint64."""
    value = value + _STEP
    value = (value ^ _shifted(value, 30)) * _FIRST
    value = (value ^ _shifted(value, 27)) * _SECOND
    return value ^ _shifted(value, 31)
