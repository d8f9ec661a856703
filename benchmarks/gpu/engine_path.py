"""Decode steps as they are served: through `Engine.step`, scheduling, text and events included."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.gpu.measure import Scale
from benchmarks.gpu.models import Kind
from inference.config import EngineConfig
from inference.engine.engine import Engine
from inference.engine.request import GenerationRequest
from inference.gpu.llama import CudaLlama
from inference.sampling.params import SamplingParams
from inference.text.tokenizer import Tokenizer

WARM_UP_STEPS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTime:
    """A step of `batch_size` replies under way."""

    model: str
    kind: Kind
    batch_size: int
    sampling: str
    step_s: float
    tokens_s: float


def engine_times(model: CudaLlama, name: str, kind: Kind, batch_sizes: Sequence[int], scale: Scale) -> list[EngineTime]:
    """Greedy, and at temperature 0.7 with top-p 0.9, on one engine."""
    most = max(batch_sizes)
    num_bytes = most * model.kv_shape.num_bytes(scale.context + _num_tokens(most, scale))
    config = EngineConfig(device=model.kv_shape.device, kv_bytes=num_bytes, max_running=most)
    bytes_alone = Tokenizer(
        name="bytes", pattern=r"(?s).", ranks={bytes([byte]): byte for byte in range(256)}, special={}
    )
    engine = Engine(model, bytes_alone, stop_ids=frozenset(), config=config)
    return [
        EngineTime(model=name, kind=kind, batch_size=size, sampling=label, step_s=step_s, tokens_s=size / step_s)
        for size in batch_sizes
        for label, params in (
            ("greedy", SamplingParams(temperature=0.0)),
            ("top-p", SamplingParams(temperature=0.7, top_p=0.9)),
        )
        for step_s in [median(_step_s(engine, size, params, scale) for _ in range(scale.repeats))]
    ]


def _step_s(engine: Engine, size: int, params: SamplingParams, scale: Scale) -> float:
    """Mean over `num_steps` steps in a row, once all prompts are read and the loop runs."""
    to_read = engine.stats().num_prefill_tokens + engine.stats().num_prefix_hit_tokens + size * scale.context
    for number in range(size):
        engine.add_request(
            GenerationRequest(
                request_id=str(number),
                prompt_ids=(number, *[1] * (scale.context - 1)),
                max_tokens=_num_tokens(size, scale),
                sampling=params,
            )
        )
    while engine.stats().num_prefill_tokens + engine.stats().num_prefix_hit_tokens < to_read:
        engine.step()
    for _ in range(WARM_UP_STEPS):
        engine.step()
    started = time.perf_counter()
    for _ in range(scale.num_steps):
        engine.step()
    elapsed = time.perf_counter() - started
    for number in range(size):
        engine.cancel(str(number))
    return elapsed / scale.num_steps


def _num_tokens(size: int, scale: Scale) -> int:
    """Of each reply: those measured, and what the first one writes until the last one's prompt is read."""
    _, busy_step_tokens = EngineConfig().step_tokens
    return scale.num_steps + WARM_UP_STEPS + size * scale.context // busy_step_tokens + size
