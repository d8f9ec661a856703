"""Whether what is about to be timed is right, on this device, against plain references. Small, and first."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.gpu.models import SHAPES, random_whole
from inference.gpu.attention import Pages, attend_plainly, choose_backend, paged_attend
from inference.gpu.linear import Dense, Fp8Rows, Head, Int4Groups, Int8Rows, Matrix, to_fp8, to_fp8_plainly
from inference.gpu.llama import CudaLlama, GpuLayer, GpuWeights
from inference.gpu.pages import like, ragged_rows
from inference.gpu.sampling import SamplingRows, noise_bits, sample_rows
from inference.kvcache.storage import KvStorage
from inference.model.batch import Batch, Runner, Segment
from inference.model.rotary import RotaryTable, rotate
from inference.sampling.noise import gumbel_noise
from inference.sampling.params import SamplingParams

SHAPE = SHAPES["tiny"]
ROUNDING = {"bf16": 0.02, "int8": 0.03, "fp8": 0.09, "int4": 0.2}
"""Largest relative error of a product of normal numbers that the format accounts for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was compared, and how far apart the two sides were. `error` is the traceback of a crash."""

    name: str
    is_right: bool
    difference: float = 0.0
    error: str = ""


def run_checks(device: str, dtype: torch.dtype = torch.bfloat16) -> list[Check]:
    """All of them, whatever becomes of the others, computed in `dtype`."""
    checks: list[tuple[str, Callable[[str, torch.dtype], float], float]] = [
        ("attention: decode", partial(_attention, (1, 1)), 0.02),
        ("attention: drafts", partial(_attention, (5, 3)), 0.02),
        ("attention: prompts", partial(_attention, (90, 40)), 0.02),
        ("noise: bits equal the host's", _noise, 0.0),
        ("sampling: tokens equal the host's", _sampling, 0.0),
        ("decoder: prompt and steps against a plain forward pass", _decoder, 0.05),
        ("decode loop: tokens equal those of single steps", _loop, 0.0),
    ]
    checks += [
        ("float8: rows rounded as torch rounds them", _rounding, 0.001),
        ("int4: widened as torch widens it", _widening, 0.005),
        ("sums that several programs share: the same bits every time", _shared_sums, 0.0),
    ]
    checks += [
        (f"{kind} matrix, {num_rows} rows", partial(_matrix, kind, num_rows), bound)
        for kind, bound in ROUNDING.items()
        for num_rows in (1, 7, 20, 64, 200)
    ]
    return [_checked(name, check, bound, device, dtype) for name, check, bound in checks]


def _checked(
    name: str, check: Callable[[str, torch.dtype], float], bound: float, device: str, dtype: torch.dtype
) -> Check:
    try:
        with torch.inference_mode():
            difference = check(device, dtype)
    except Exception:
        # The table is to say which kernel does not compile here, beside the figures of those that do.
        return Check(name=name, is_right=False, error=traceback.format_exc(limit=-3))
    return Check(name=name, is_right=difference <= bound, difference=difference)


def _attention(lengths: tuple[int, int], device: str, dtype: torch.dtype) -> float:
    generator = torch.Generator(device=device).manual_seed(0)
    size = (40, SHAPE.num_kv_heads, 32, SHAPE.head_dim)
    keys, values = (torch.randn(size, generator=generator, device=device).to(dtype) for _ in range(2))
    segments = [
        Segment(row=0, num_tokens=lengths[0], position=500, block_ids=range(1, 21)),
        Segment(row=lengths[0], num_tokens=lengths[1], position=3, block_ids=range(30, 35)),
    ]
    batch = Batch(ids=[0] * sum(lengths), segments=segments, logit_rows=())
    on_host = ragged_rows(batch, pairs_per_row=SHAPE.num_heads // SHAPE.num_kv_heads)
    rows = like(on_host, device=device)
    rows.buffer.copy_(on_host.buffer)
    queries = torch.randn((len(batch.ids), SHAPE.num_heads, SHAPE.head_dim), generator=generator, device=device)
    queries, pages = queries.to(dtype), Pages(keys=keys, values=values)
    backend = choose_backend(
        device,
        num_heads=SHAPE.num_heads,
        num_groups=SHAPE.num_kv_heads,
        head_dim=SHAPE.head_dim,
        dtype=dtype,
    )
    mixed = paged_attend(queries, pages, rows, backend=backend, split_tokens=256)
    return float((mixed - attend_plainly(queries, pages, rows)).abs().max())


def _matrix(kind: str, num_rows: int, device: str, dtype: torch.dtype) -> float:
    weight = random_whole(512, 1024, device).to(dtype)
    matrices: dict[str, Callable[[], Matrix]] = {
        "bf16": lambda: Dense(weight),
        "int8": lambda: Int8Rows.of(weight),
        "fp8": lambda: Fp8Rows.of(weight),
        "int4": lambda: Int4Groups.of(weight, group=128),
    }
    x = torch.randn((num_rows, 1024), device=device).to(dtype)
    exact = x.float() @ weight.float().T
    return float((matrices[kind]()(x).float() - exact).norm() / exact.norm())


def _rounding(device: str, dtype: torch.dtype) -> float:
    """Share of values that differ; a quotient may be off in its last place."""
    x = torch.randn((50, 14336), generator=torch.Generator(device=device).manual_seed(0), device=device).to(dtype)
    (ours, scales), (theirs, expected) = to_fp8(x), to_fp8_plainly(x)
    torch.testing.assert_close(scales, expected)
    return float((ours.float() != theirs.float()).float().mean())


def _widening(device: str, dtype: torch.dtype) -> float:
    """For rows of whole tiles, and of four and a half."""
    differences = []
    for depth, group in ((1024, 128), (1024, 64), (576, 32)):
        weight = torch.randn((96, depth), generator=torch.Generator().manual_seed(0))
        expected = Int4Groups.of(weight, group=group).whole(torch.float32)
        ours = Int4Groups.of(weight.to(device), group=group).whole(dtype).float().cpu()
        differences.append(float((ours - expected).norm() / expected.norm()))
    return max(differences)


def _shared_sums(device: str, dtype: torch.dtype) -> float:
    """A matrix of few outputs and many inputs, by every kind that has a kernel: how many values change in 50 times."""
    weight = random_whole(256, 8192, device).to(dtype)
    changed = 0
    for matrix in (Dense(weight), Int8Rows.of(weight), Fp8Rows.of(weight), Int4Groups.of(weight, group=128)):
        for num_rows in (1, 8, 32):
            x = torch.randn((num_rows, 8192), device=device).to(dtype)
            first = matrix(x)
            changed += sum(int((matrix(x) != first).sum()) for _ in range(50))
    return float(changed)


def _noise(device: str, dtype: torch.dtype) -> float:
    token_ids = np.arange(4096, dtype=np.int64)
    rows = SamplingRows.of([SamplingParams(seed=2**63 + 5)], [77], device=device)
    bits = noise_bits(rows.keys, rows.positions, torch.arange(4096, device=device)).cpu()
    uniform = ((bits[0].numpy().view(np.uint64) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return float(np.abs(-np.log(-np.log(uniform)) - gumbel_noise(2**63 + 5, 77, token_ids)).max())


def _sampling(device: str, dtype: torch.dtype) -> float:
    params = [
        SamplingParams(temperature=0.0),
        SamplingParams(temperature=0.8, top_p=0.9, seed=1),
        SamplingParams(temperature=1.0, top_k=50, seed=2),
        SamplingParams(temperature=1.0, seed=3),
    ]
    logits = 3 * torch.randn((4, 5000), generator=torch.Generator().manual_seed(0))
    there = sample_rows(logits.to(device), SamplingRows.of(params, [1, 2, 3, 4], device=device)).cpu()
    here = sample_rows(logits, SamplingRows.of(params, [1, 2, 3, 4], device="cpu"))
    return float((there != here).sum())


def _small_weights(device: str, dtype: torch.dtype) -> tuple[GpuWeights, list[dict[str, Tensor]], Tensor, Tensor]:
    torch.manual_seed(0)
    hidden, q, kv = SHAPE.hidden_size, SHAPE.num_heads * SHAPE.head_dim, SHAPE.num_kv_heads * SHAPE.head_dim
    sizes = {"qkv": (q + 2 * kv, hidden), "o": (hidden, q), "gate_up": (2 * SHAPE.mlp_size, hidden)}
    sizes["down"] = (hidden, SHAPE.mlp_size)
    layers = [
        {name: random_whole(*size, device).to(dtype) for name, size in sizes.items()} for _ in range(SHAPE.num_layers)
    ]
    ones = torch.ones(hidden, device=device)
    embedding, head = (random_whole(SHAPE.vocab_size, hidden, device).to(dtype) for _ in range(2))
    weights = GpuWeights(
        embedding=embedding,
        layers=[
            GpuLayer(attention_norm=ones, mlp_norm=ones, **{name: Dense(matrix) for name, matrix in layer.items()})
            for layer in layers
        ],
        final_norm=ones,
        head=Head(head),
    )
    return weights, layers, embedding, head


def _decoder(device: str, dtype: torch.dtype) -> float:
    """A prompt of 50 tokens and two steps beside another sequence, against one dense pass in float32 over all."""
    weights, layers, embedding, head = _small_weights(device, dtype)
    ids = torch.randint(SHAPE.vocab_size, (52,), generator=torch.Generator().manual_seed(1)).tolist()
    model = CudaLlama(SHAPE, weights, max_context=256)
    kv = KvStorage(model.kv_shape, num_blocks=12)
    ours, other = (5, 2), (7,)
    prompt = Segment(row=0, num_tokens=50, position=0, block_ids=ours)
    logits = [model.forward(Batch(ids=ids[:50], segments=[prompt], logit_rows=[49]), kv)]
    for step in range(2):
        segments = [
            Segment(row=0, num_tokens=1, position=step, block_ids=other),
            Segment(row=1, num_tokens=1, position=50 + step, block_ids=ours),
        ]
        logits.append(model.forward(Batch(ids=[3, ids[50 + step]], segments=segments, logit_rows=[1]), kv))
    expected = plain_logits(ids, layers, embedding, head)[49:].cpu()
    return float((torch.cat(logits) - expected).norm() / expected.norm())


def plain_logits(ids: list[int], layers: list[dict[str, Tensor]], embedding: Tensor, head: Tensor) -> Tensor:
    """Logits [T, V] of a text, with nothing shared with what it checks but the rope table."""
    device, count = embedding.device, len(ids)
    table = RotaryTable(SHAPE.rope, head_dim=SHAPE.head_dim, num_positions=count)
    cos, sin = (part.to(device) for part in table.at(torch.arange(count)))

    def norm(x: Tensor) -> Tensor:
        return x * (x.pow(2).mean(-1, keepdim=True) + SHAPE.norm_eps).rsqrt()

    x = embedding[torch.tensor(ids, device=device)].float()
    for layer in layers:
        heads = (norm(x) @ layer["qkv"].float().T).view(count, -1, SHAPE.head_dim)
        q, k, v = heads.split([SHAPE.num_heads, SHAPE.num_kv_heads, SHAPE.num_kv_heads], dim=1)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        shared = SHAPE.num_heads // SHAPE.num_kv_heads
        k, v = (part.repeat_interleave(shared, dim=1) for part in (k, v))
        scores = torch.einsum("thd,lhd->htl", q, k) * SHAPE.head_dim**-0.5
        scores = scores.masked_fill(torch.ones((count, count), device=device).triu(1).bool(), -torch.inf)
        x = x + torch.einsum("htl,lhd->thd", scores.softmax(-1), v).flatten(1) @ layer["o"].float().T
        gate, up = (norm(x) @ layer["gate_up"].float().T).chunk(2, dim=-1)
        x = x + (functional.silu(gate) * up) @ layer["down"].float().T
    return norm(x) @ head.float().T


def _loop(device: str, dtype: torch.dtype) -> float:
    """40 greedy tokens, across two ends of blocks."""
    weights, *_ = _small_weights(device, dtype)
    model = CudaLlama(SHAPE, weights, max_context=256)
    greedy, block_ids, count = SamplingParams(temperature=0.0), (3, 1), 40
    kv = KvStorage(model.kv_shape, num_blocks=6)
    loop = model.steps_ahead(kv, [greedy])
    assert loop
    loop.start([Runner(token_id=1, position=0, block_ids=block_ids, params=greedy, reply_position=0)])
    ahead = []
    loop.launch()
    for _ in range(count - 1):
        loop.launch()
        ahead += loop.collect()
    ahead += loop.collect()
    kv, singly = KvStorage(model.kv_shape, num_blocks=6), [1]
    for position in range(count):
        segment = Segment(row=0, num_tokens=1, position=position, block_ids=block_ids)
        logits = model.forward(Batch(ids=singly[-1:], segments=[segment], logit_rows=[0]), kv)
        singly.append(int(logits[0].argmax()))
    return float(sum(a != b for a, b in zip(ahead, singly[1:], strict=True)))
