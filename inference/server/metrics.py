"""What Prometheus reads. Names follow vLLM's, so that its dashboards fit; intervals are from one monotonic clock."""

import logging
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from inference.engine.request import End
from inference.server.serving import Serving

if TYPE_CHECKING:
    from inference.engine.stats import EngineStats

logger = logging.getLogger(__name__)

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
TOKENS = (1, 8, 32, 128, 512, 1024, 2048, 4096, 8192, 32768)

# Name: (attribute of EngineStats, text).
GAUGES = {
    "num_requests_running": ("num_running", "Sequences advanced in each step"),
    "num_requests_waiting": ("num_waiting", "Requests waiting for room"),
    "kv_cache_named_blocks": ("num_blocks_named", "Blocks that can be reused"),
    "kv_cache_host_blocks": ("num_host_blocks", "Blocks with a copy in host memory"),
}
COUNTERS = {
    "prefix_cache_queries": ("num_prefix_queried_tokens", "Prompt tokens looked up"),
    "prefix_cache_hits": ("num_prefix_hit_tokens", "Prompt tokens found"),
    "kv_cache_spilled_blocks": ("num_spilled_blocks", "Blocks copied to host memory"),
    "kv_cache_restored_blocks": ("num_restored_blocks", "Blocks brought back from host memory"),
    "computed_prefill_tokens": ("num_prefill_tokens", "Prompt tokens computed"),
    "computed_decode_tokens": ("num_decode_tokens", "Reply tokens computed"),
    "num_preemptions": ("num_preemptions", "Sequences put back for want of room"),
    "spec_decode_num_drafts": ("num_drafts", "Drafts verified"),
    "spec_decode_num_draft_tokens": ("num_draft_tokens", "Tokens drafted"),
    "spec_decode_num_accepted_tokens": ("num_accepted_tokens", "Drafted tokens accepted"),
    "engine_steps": ("num_steps", "Forward passes"),
    "engine_step_seconds": ("step_seconds", "Time in steps"),
    "engine_schedule_seconds": ("schedule_seconds", "Time of scheduling"),
}


class ChatMetrics:
    """Counts and intervals of chat requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(name, text, buckets=buckets, registry=registry)

        self.finished = counter("request_success", "Chat requests by how they ended", "finished_reason")
        self.prompt_tokens = counter("prompt_tokens", "Tokens of prompts")
        self.generation_tokens = counter("generation_tokens", "Tokens generated")
        self.first_token = histogram("time_to_first_token_seconds", "From request to first text", SECONDS)
        self.inter_token = histogram("inter_token_latency_seconds", "Between tokens of a reply", SECONDS)
        self.queue = histogram("request_queue_time_seconds", "From request to its first step", SECONDS)
        self.prefill = histogram("request_prefill_time_seconds", "From first step to first token", SECONDS)
        self.decode = histogram("request_decode_time_seconds", "From first token to last", SECONDS)
        self.whole = histogram("e2e_request_latency_seconds", "From request to end", SECONDS)
        self.request_prompt = histogram("request_prompt_tokens", "Tokens of one prompt", TOKENS)
        self.request_generation = histogram("request_generation_tokens", "Tokens of one reply", TOKENS)

    def timer(self) -> "ReplyTimer":
        """Start the clock of one request."""
        return ReplyTimer(self)


class ReplyTimer:
    """The clock of one request."""

    def __init__(self, metrics: ChatMetrics) -> None:
        self._metrics = metrics
        self._started = self._last = time.monotonic()
        self._first_token_s: float | None = None

    def piece(self, *, num_tokens: int) -> None:
        """Some text has come."""
        now = time.monotonic()
        if self._first_token_s is None:
            self._first_token_s = now - self._started
            self._metrics.first_token.observe(self._first_token_s)
        else:
            self._metrics.inter_token.observe((now - self._last) / max(num_tokens, 1))
        self._last = now

    def end(self, outcome: str, *, prompt_tokens: int, end: End | None) -> None:
        """The request is over; writes its one line in the log."""
        seconds = time.monotonic() - self._started
        reply_tokens = end.reply_tokens if end else 0
        self._metrics.finished.labels(outcome).inc()
        self._metrics.prompt_tokens.inc(prompt_tokens)
        self._metrics.generation_tokens.inc(reply_tokens)
        self._metrics.whole.observe(seconds)
        self._metrics.request_prompt.observe(prompt_tokens)
        self._metrics.request_generation.observe(reply_tokens)
        if end and end.timing:
            self._metrics.queue.observe(end.timing.queue_s)
            self._metrics.prefill.observe(end.timing.prefill_s)
            self._metrics.decode.observe(end.timing.decode_s)
        fields = {
            "outcome": outcome,
            "prompt_tokens": prompt_tokens,
            "cached_tokens": end.cached_tokens if end else None,
            "reply_tokens": reply_tokens,
            "first_token_s": None if self._first_token_s is None else round(self._first_token_s, 4),
            "seconds": round(seconds, 4),
        }
        logger.info("chat_completion", extra=fields)


class EngineCollector(Collector):
    """Numbers the engine keeps itself, read when Prometheus asks. What an engine does not count is left out."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def collect(self) -> Iterator[Metric]:
        chat = self._serving.chat_or_none
        if chat is None:
            return
        stats = chat.engine.stats()
        for name, (attribute, text) in GAUGES.items():
            if (value := getattr(stats, attribute, None)) is not None:
                yield GaugeMetricFamily(name, text, value)
        for name, (attribute, text) in COUNTERS.items():
            if (value := getattr(stats, attribute, None)) is not None:
                yield CounterMetricFamily(name, text, value)
        yield GaugeMetricFamily("kv_cache_usage_perc", "Blocks held, from 0 to 1", _share_held(stats))
        yield _accepted_by_position(getattr(stats, "accepted_per_position", ()))


def _share_held(stats: "EngineStats") -> float:
    return stats.num_blocks_held / max(stats.num_blocks, 1)


def _accepted_by_position(counts: Sequence[int]) -> Metric:
    family = CounterMetricFamily(
        "spec_decode_num_accepted_tokens_per_pos", "Drafted tokens accepted, by place in the draft", labels=["position"]
    )
    for position, count in enumerate(counts):
        family.add_metric([str(position)], count)
    return family
