"""Quantising to Q4_K and Q6_K, which the `gguf` package can only read.

A block of 256 values has one or two half-precision scales; groups inside it have small whole-number scales of those:

    Q4_K   8 groups of 32    w = d * scale[g] * q - dmin * low[g]     q 0..15     scale, low 0..63
    Q6_K  16 groups of 16    w = d * scale[g] * q                     q -32..31   scale -128..127

Rounding to the nearest value between smallest and largest is not the best choice of a scale: a few scales around it are
tried, for each the values are rounded, the scale that fits those values best (least squares) is worked out, and what
leaves the smallest error is kept. Byte layouts: https://github.com/ggml-org/ggml, `block_q4_K` and `block_q6_K`.
"""

import torch
from torch import Tensor

BLOCK = 256
TINY = 1e-15
TRIALS = [0.1 * step for step in range(-9, 10, 2)]
BLOCKS_AT_A_TIME = 8192


def encode_q4_k(rows: Tensor) -> Tensor:
    """rows [N, K] float32, K a multiple of 256 -> bytes [N * K / 256, 144]."""
    return torch.cat([_encode_q4_k(blocks) for blocks in torch.split(rows.view(-1, BLOCK), BLOCKS_AT_A_TIME)])


def encode_q6_k(rows: Tensor) -> Tensor:
    """rows [N, K] float32, K a multiple of 256 -> bytes [N * K / 256, 210]."""
    return torch.cat([_encode_q6_k(blocks) for blocks in torch.split(rows.view(-1, BLOCK), BLOCKS_AT_A_TIME)])


def _encode_q4_k(blocks: Tensor) -> Tensor:
    groups = blocks.view(-1, 8, 32)
    scales, lows = _fit_with_offset(groups)  # [B, 8] each
    d, dmin = _half(scales.amax(1) / 63), _half(lows.amax(1) / 63)
    scale_q = (scales / d[:, None].clamp_min(TINY)).round().clamp(0, 63)
    low_q = (lows / dmin[:, None].clamp_min(TINY)).round().clamp(0, 63)
    step = (d[:, None] * scale_q)[..., None]
    shifted = groups + (dmin[:, None] * low_q)[..., None]
    q = torch.where(step > 0, shifted / step.clamp_min(TINY), 0).round().clamp(0, 15).to(torch.uint8)
    packed = (q[:, 0::2] | q[:, 1::2] << 4).flatten(1)
    return torch.cat([_bytes(d), _bytes(dmin), _packed_scales(scale_q, low_q), packed], dim=1)


def _packed_scales(scale_q: Tensor, low_q: Tensor) -> Tensor:
    """Eight pairs of 6 bits in 12 bytes: the first four pairs whole, the last four cut into 2 and 4 bits."""
    scale_q, low_q = scale_q.to(torch.uint8), low_q.to(torch.uint8)
    first = scale_q[:, :4] | (scale_q[:, 4:] >> 4) << 6
    second = low_q[:, :4] | (low_q[:, 4:] >> 4) << 6
    third = (scale_q[:, 4:] & 15) | (low_q[:, 4:] & 15) << 4
    return torch.cat([first, second, third], dim=1)


def _encode_q6_k(blocks: Tensor) -> Tensor:
    groups = blocks.view(-1, 16, 16)
    scales = _fit(groups)  # [B, 16]
    largest = scales.gather(1, scales.abs().argmax(1, keepdim=True)).squeeze(1)
    d = _half(largest / -128)
    safe_d = torch.where(d == 0, 1.0, d)[:, None]
    scale_q = torch.where(d[:, None] == 0, 0, scales / safe_d).round().clamp(-128, 127)
    step = (d[:, None] * scale_q)[..., None]
    q = torch.where(step == 0, 0, groups / torch.where(step == 0, 1.0, step)).round().clamp(-32, 31)
    q = (q + 32).to(torch.uint8).flatten(1)
    low = (q & 15).view(-1, 2, 2, 64)
    high = (q >> 4).view(-1, 2, 4, 32)
    low_bits = (low[:, :, 0] | low[:, :, 1] << 4).flatten(1)
    high_bits = (high[:, :, 0] | high[:, :, 1] << 2 | high[:, :, 2] << 4 | high[:, :, 3] << 6).flatten(1)
    return torch.cat([low_bits, high_bits, scale_q.to(torch.int8).view(torch.uint8), _bytes(d)], dim=1)


def _fit(groups: Tensor) -> Tensor:
    """The scale of each group [..., n] for values -32..31 times it. The largest value goes to the end at -32."""
    largest = groups.gather(-1, groups.abs().argmax(-1, keepdim=True))
    safe = torch.where(largest.abs() < TINY, 1.0, largest)
    weights = groups.square()
    best, best_gain = torch.zeros_like(largest), torch.full_like(largest, -1.0)
    for trial in TRIALS:
        q = (groups * (-(32 + trial) / safe)).round().clamp(-32, 31)
        cross, norm = (weights * groups * q).sum(-1, True), (weights * q * q).sum(-1, True).clamp_min(TINY * TINY)
        gain = cross.square() / norm
        is_better = gain > best_gain
        best, best_gain = torch.where(is_better, cross / norm, best), torch.where(is_better, gain, best_gain)
    return torch.where(largest.abs() < TINY, 0.0, best).squeeze(-1)


def _fit_with_offset(groups: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and low (both >= 0) of each group [..., n], for values 0..15 times scale, minus low."""
    lowest, highest = groups.amin(-1, True).clamp_max(0), groups.amax(-1, True)
    span = (highest - lowest).clamp_min(TINY)
    weights = groups.abs() + groups.square().mean(-1, True).sqrt()
    total, mean_x = weights.sum(-1, True).clamp_min(TINY), (weights * groups).sum(-1, True)
    best_scale, best_low = span / 15, -lowest
    best_error = torch.full_like(span, torch.inf)
    for trial in TRIALS:
        q = ((groups - lowest) * ((15 + trial) / span)).round().clamp(0, 15)
        mean_q, mean_qq, mean_qx = (
            (weights * q).sum(-1, True),
            (weights * q * q).sum(-1, True),
            (weights * q * groups).sum(-1, True),
        )
        determinant = total * mean_qq - mean_q.square()
        safe = torch.where(determinant > 0, determinant, 1.0)
        scale = (total * mean_qx - mean_q * mean_x) / safe
        low = -(mean_qq * mean_x - mean_q * mean_qx) / safe
        # An offset can only lower. Where the best one would lift, there is none.
        lifts = low < 0
        scale = torch.where(lifts, mean_qx / mean_qq.clamp_min(TINY), scale)
        low = low.clamp_min(0)
        error = (weights * (scale * q - low - groups).square()).sum(-1, True)
        is_better = (error < best_error) & (determinant > 0) & (scale > 0)
        best_error = torch.where(is_better, error, best_error)
        best_scale, best_low = torch.where(is_better, scale, best_scale), torch.where(is_better, low, best_low)
    return best_scale.squeeze(-1), best_low.squeeze(-1)


def _half(values: Tensor) -> Tensor:
    """Rounded to what half precision can say."""
    return values.half().float()


def _bytes(values: Tensor) -> Tensor:
    return values.half().view(torch.uint8).view(-1, 2)
