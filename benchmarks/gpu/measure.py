"""The device's own limits, and times of decode steps, prompts and verification steps."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu.models import SHAPES, Kind, num_layer_weights
from inference.gpu.llama import CudaLlama
from inference.kvcache.storage import KvStorage, num_blocks_for
from inference.model.batch import Batch, Runner, Segment
from inference.sampling.params import SamplingParams

MOST_KERNELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is measured: real sizes, or as little as shows that everything runs."""

    copy_bytes: int
    matrix_size: int
    context: int
    num_steps: int
    prompt_tokens: int
    repeats: int


FULL = Scale(copy_bytes=2 << 30, matrix_size=8192, context=512, num_steps=64, prompt_tokens=2048, repeats=5)
TINY = Scale(copy_bytes=1 << 20, matrix_size=64, context=40, num_steps=4, prompt_tokens=40, repeats=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Measured here: bytes read and written by a copy, and operations of a square bfloat16 product, per second."""

    copy_bytes_s: float
    matrix_flop_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeTime:
    """A step of `batch_size` sequences with about `context` tokens each; `share` of the copy bandwidth."""

    model: str
    kind: Kind
    batch_size: int
    context: int
    step_s: float
    tokens_s: float
    read_bytes: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTime:
    """What one kernel takes of a decode step, all its launches together."""

    model: str
    kind: Kind
    batch_size: int
    kernel: str
    launches: float
    step_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefillTime:
    """A prompt in one step; `share` of the matrix rate."""

    model: str
    kind: Kind
    num_tokens: int
    seconds: float
    tokens_s: float
    share: float


def limits(device: str, scale: Scale) -> Limits:
    source = torch.empty(scale.copy_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copying = seconds(lambda: target.copy_(source), device, scale.repeats)
    a, b = (torch.randn(scale.matrix_size, scale.matrix_size, device=device).bfloat16() for _ in range(2))
    multiplying = seconds(lambda: a @ b, device, scale.repeats)
    return Limits(copy_bytes_s=2 * scale.copy_bytes / copying, matrix_flop_s=2 * scale.matrix_size**3 / multiplying)


def decode_time(model: CudaLlama, name: str, kind: Kind, batch_size: int, scale: Scale, measured: Limits) -> DecodeTime:
    """Greedy steps of a loop that the host reads one step behind."""
    step_s = seconds(_steps(model, batch_size, scale), model.kv_shape.device, scale.repeats) / scale.num_steps
    context = scale.context + scale.num_steps // 2
    kv_bytes = model.kv_shape.num_bytes(context) * batch_size
    read_bytes = model.weights.num_step_bytes + kv_bytes
    return DecodeTime(
        model=name,
        kind=kind,
        batch_size=batch_size,
        context=context,
        step_s=step_s,
        tokens_s=batch_size / step_s,
        read_bytes=read_bytes,
        share=read_bytes / step_s / measured.copy_bytes_s,
    )


def decode_profile(model: CudaLlama, name: str, kind: Kind, batch_size: int, scale: Scale) -> list[KernelTime]:
    """The kernels that take most of such a step."""
    steps = _steps(model, batch_size, scale)
    with profile(activities=[ProfilerActivity.CUDA]) as recorded:
        steps()
    kernels = sorted(recorded.key_averages(), key=lambda event: -event.device_time_total)[:MOST_KERNELS]
    return [
        KernelTime(
            model=name,
            kind=kind,
            batch_size=batch_size,
            kernel=event.key[:80],
            launches=event.count / scale.num_steps,
            step_s=event.device_time_total / scale.num_steps / 1e6,
        )
        for event in kernels
    ]


def _steps(model: CudaLlama, batch_size: int, scale: Scale) -> Callable[[], None]:
    kv, blocks = _storage(model, batch_size, scale)
    greedy = SamplingParams(temperature=0.0)
    loop = model.steps_ahead(kv, [greedy] * batch_size)
    assert loop
    runners = [
        Runner(token_id=1, position=scale.context, block_ids=block_ids, params=greedy, reply_position=0)
        for block_ids in blocks
    ]

    def steps() -> None:
        assert kv  # the loop does not hold what it computes on
        loop.start(runners)
        loop.launch()
        for _ in range(scale.num_steps - 1):
            loop.launch()
            loop.collect()
        loop.collect()

    return steps


def prefill_time(model: CudaLlama, name: str, kind: Kind, scale: Scale, measured: Limits) -> PrefillTime:
    kv, (block_ids,) = _storage(model, 1, scale)
    count = scale.prompt_tokens
    segment = Segment(row=0, num_tokens=count, position=0, block_ids=block_ids)
    batch = Batch(ids=[1] * count, segments=[segment], logit_rows=[count - 1])
    elapsed = seconds(lambda: model.forward(batch, kv), model.kv_shape.device, scale.repeats)
    shape = SHAPES[name]
    # Two operations a weight, and for each pair of a token and one before it two products of all heads.
    attention = 4 * shape.num_layers * shape.num_heads * shape.head_dim * count * (count + 1) / 2
    flop = 2 * num_layer_weights(shape) * count + attention + 2 * shape.vocab_size * shape.hidden_size
    return PrefillTime(
        model=name,
        kind=kind,
        num_tokens=count,
        seconds=elapsed,
        tokens_s=count / elapsed,
        share=flop / elapsed / measured.matrix_flop_s,
    )


def verify_time(model: CudaLlama, num_drafts: int, scale: Scale) -> float:
    """Seconds of a step that checks so many drafts of one sequence, logits brought to the host as the engine does."""
    kv, (block_ids,) = _storage(model, 1, scale)
    count = num_drafts + 1
    segment = Segment(row=0, num_tokens=count, position=scale.context, block_ids=block_ids)
    batch = Batch(ids=[1] * count, segments=[segment], logit_rows=range(count))
    return seconds(lambda: model.forward(batch, kv), model.kv_shape.device, 4 * scale.repeats)


def expected_tokens(acceptance: float, num_drafts: int) -> float:
    """Tokens of a step whose drafts are right with this probability each (Leviathan et al. 2023, equation 1)."""
    return sum(acceptance**number for number in range(num_drafts + 1))


def seconds(call: Callable[[], object], device: str, repeats: int) -> float:
    """Median time of a call, after one that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        synchronize(device)
        started = time.perf_counter()
        call()
        synchronize(device)
        times.append(time.perf_counter() - started)
    return median(times)


def synchronize(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


def _storage(model: CudaLlama, batch_size: int, scale: Scale) -> tuple[KvStorage, list[range]]:
    each = num_blocks_for(max(scale.context + scale.num_steps + 8, scale.prompt_tokens))
    kv = KvStorage(model.kv_shape, num_blocks=1 + batch_size * each)
    return kv, [range(1 + number * each, 1 + (number + 1) * each) for number in range(batch_size)]
