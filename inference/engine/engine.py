"""The step: every call computes some missing tokens of every running sequence and chooses their next tokens.

There are no phases. Each sequence has tokens and a count of computed ones; a step shares a budget among the running
sequences, first those that miss one token (their readers are waiting), then the others in order of arrival. A sequence
whose tokens are all computed has logits for its last one, so its next token is chosen. Long prompts take several steps
and stall nobody; a prefix hit only moves the count; cancelling is dropping the sequence between two steps.

Room for keys and values is promised on admission for all tokens a request may ever have, so that nothing runs out in
the middle of a reply; what is not promised holds finished sequences for reuse.

Not thread-safe: `thread.py` runs it.
"""

import time
from collections import deque
from collections.abc import Sequence as Seq
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.config import EngineConfig
from inference.engine.penalties import without_repetition
from inference.engine.prefix_store import PrefixStore
from inference.engine.request import End, Event, GenerationRequest
from inference.engine.sampling import choose_token, logprobs_of
from inference.engine.sequence import Sequence
from inference.errors import InvalidRequest
from inference.model.kv import SequenceKv
from inference.model.llama import Llama, Segment
from inference.model.precision import decode_threads
from inference.text.tokenizer import Tokenizer

FEW_TOKENS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStats:
    """What /metrics shows. Counters only grow; gauges are of this moment."""

    num_running: int
    num_waiting: int
    kv_bytes_promised: int
    kv_bytes_stored: int
    num_prefix_queried_tokens: int
    num_prefix_hit_tokens: int
    num_prefill_tokens: int
    num_decode_tokens: int
    num_steps: int
    step_seconds: float


class Engine:
    """Runs requests on one model. `stop_ids` end a reply."""

    def __init__(self, model: Llama, tokenizer: Tokenizer, *, stop_ids: frozenset[int], config: EngineConfig) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._stop_ids = stop_ids
        self._decode_threads = decode_threads(model.shape, config)
        self._config = config
        self._waiting: deque[Sequence] = deque()
        self._running: list[Sequence] = []
        self._store = PrefixStore(max_bytes=config.kv_bytes)
        self._promised_bytes = 0
        self._num_prefill_tokens = self._num_decode_tokens = self._num_steps = 0
        self._step_seconds = 0.0

    @property
    def has_work(self) -> bool:
        return bool(self._running or self._waiting)

    def check(self, request: GenerationRequest) -> None:
        """Raises InvalidRequest if the request can never be run. Reads nothing that changes: any thread may call."""
        num_tokens = len(request.prompt_ids) + request.max_tokens
        if not request.prompt_ids or request.max_tokens < 1:
            raise InvalidRequest("a request needs a prompt and at least one token to generate", param="max_tokens")
        if max(request.prompt_ids) >= self._model.shape.vocab_size or min(request.prompt_ids) < 0:
            raise InvalidRequest("a token id is not in the model's vocabulary", param="messages")
        if num_tokens > self._model.max_context:
            message = (
                f"The prompt has {len(request.prompt_ids)} tokens and the reply may have {request.max_tokens}, "
                f"but together they may not have more than {self._model.max_context}."
            )
            raise InvalidRequest(message, code="context_length_exceeded", param="messages")

    def add_request(self, request: GenerationRequest) -> None:
        """Put a request into the queue. Raises InvalidRequest if it can never be run."""
        self.check(request)
        self._waiting.append(Sequence(request, self._tokenizer, deadline_s=self._config.deadline_s))

    def cancel(self, request_id: str) -> None:
        """Forget a request, in whatever state it is; its keys and values stay for reuse. Unknown ids are no error."""
        for sequence in (*self._waiting, *self._running):
            if sequence.request.request_id == request_id:
                sequence.is_cancelled = True
        self._drop_cancelled()

    def step(self) -> list[Event]:
        """Advance every running sequence. Returns what happened, in order, for each request."""
        started = time.monotonic()
        events = self._expire(now=started)
        self._admit()
        scheduled = self._schedule()
        if scheduled:
            events += self._compute(scheduled)
            self._num_steps += 1
            self._step_seconds += time.monotonic() - started
        return events

    def fail_all(self, code: str, message: str) -> list[Event]:
        """End every request with a failure, after an error inside a step. Their keys and values are not trusted."""
        failures: list[Event] = [sequence.fail(code, message) for sequence in (*self._running, *self._waiting)]
        self._running.clear()
        self._waiting.clear()
        self._promised_bytes = 0
        return failures

    def stats(self) -> EngineStats:
        return EngineStats(
            num_running=len(self._running),
            num_waiting=len(self._waiting),
            kv_bytes_promised=self._promised_bytes,
            kv_bytes_stored=self._store.num_bytes,
            num_prefix_queried_tokens=self._store.num_queried_tokens,
            num_prefix_hit_tokens=self._store.num_hit_tokens,
            num_prefill_tokens=self._num_prefill_tokens,
            num_decode_tokens=self._num_decode_tokens,
            num_steps=self._num_steps,
            step_seconds=self._step_seconds,
        )

    def _expire(self, *, now: float) -> list[Event]:
        late = [sequence for sequence in (*self._waiting, *self._running) if sequence.deadline < now]
        for sequence in late:
            sequence.is_cancelled = True
        self._drop_cancelled()
        message = f"The request took longer than {self._config.deadline_s:g} s."
        return [sequence.fail("deadline_exceeded", message) for sequence in late]

    def _drop_cancelled(self) -> None:
        self._waiting = deque(sequence for sequence in self._waiting if not sequence.is_cancelled)
        for sequence in [sequence for sequence in self._running if sequence.is_cancelled]:
            self._release(sequence)

    def _admit(self) -> None:
        """Move waiting sequences into the running ones while there is room. In order: nobody overtakes."""
        while self._waiting and len(self._running) < self._config.max_running:
            sequence = self._waiting[0]
            needed = self._promise(sequence)
            if self._running and self._promised_bytes + needed > self._config.kv_bytes:
                return
            self._waiting.popleft()
            self._promised_bytes += needed
            self._find_prefix(sequence)
            self._store.shrink_to(max(self._config.kv_bytes - self._promised_bytes, 0))
            self._running.append(sequence)

    def _promise(self, sequence: Sequence) -> int:
        return self._model.kv_shape.num_bytes(sequence.max_tokens)

    def _find_prefix(self, sequence: Sequence) -> None:
        """Start from known keys and values. At least one token is left to compute: its logits are needed."""
        num_prompt = len(sequence.tokens)
        known = self._store.longest_prefix(sequence.tokens, capacity=num_prompt, max_tokens=num_prompt - 1)
        sequence.kv = known or SequenceKv(self._model.kv_shape, capacity=num_prompt)
        sequence.num_cached = sequence.num_computed

    def _schedule(self) -> list[tuple[Sequence, int]]:
        """How many tokens of which sequence this step computes."""
        is_busy = any(sequence.num_missing == 1 for sequence in self._running)
        budget = self._config.busy_step_tokens if is_busy else self._config.max_step_tokens
        scheduled = []
        for sequence in sorted(self._running, key=lambda sequence: sequence.num_missing > 1):
            num_tokens = sequence.chunk(budget) if sequence.num_missing > 1 else 1
            if num_tokens > 0:
                scheduled.append((sequence, num_tokens))
                budget -= num_tokens
        return scheduled

    def _compute(self, scheduled: Seq[tuple[Sequence, int]]) -> list[Event]:
        ids: list[int] = []
        segments: list[Segment] = []
        ready: list[tuple[Sequence, int]] = []  # sequences that have logits after this step, and their rows
        for sequence, num_tokens in scheduled:
            assert sequence.kv is not None
            position = sequence.num_computed
            sequence.kv.reserve(position + num_tokens)
            self._count(sequence, num_tokens)
            segments.append(Segment(kv=sequence.kv, row=len(ids), num_tokens=num_tokens, position=position))
            ids += sequence.tokens[position : position + num_tokens]
            if position + num_tokens == len(sequence.tokens):
                ready.append((sequence, len(ids) - 1))
        # Setting this costs a fraction of a microsecond.
        torch.set_num_threads(self._config.num_threads if len(ids) > FEW_TOKENS else self._decode_threads)
        logits = self._model.forward(ids, segments, [row for _, row in ready]).cpu()
        return [
            event for (sequence, _), row in zip(ready, logits, strict=True) for event in self._choose(sequence, row)
        ]

    def _count(self, sequence: Sequence, num_tokens: int) -> None:
        if sequence.num_generated:
            self._num_decode_tokens += num_tokens
        else:
            self._num_prefill_tokens += num_tokens

    def _choose(self, sequence: Sequence, logits: Tensor) -> list[Event]:
        params = sequence.request.sampling
        allowed = without_repetition(logits, sequence.reply_ids, params) if params.dry_multiplier else logits
        token_id = choose_token(allowed, params, position=sequence.reply_position)
        wanted = params.num_logprobs
        logprobs = logprobs_of(logits, token_id, num_top=wanted) if wanted is not None else None
        events = sequence.accept(token_id, is_stop=token_id in self._stop_ids, logprobs=logprobs)
        if events and isinstance(events[-1], End):
            self._release(sequence)
        return events

    def _release(self, sequence: Sequence) -> None:
        """Take a sequence out of the running ones and keep what it computed for reuse."""
        self._running.remove(sequence)
        self._promised_bytes -= self._promise(sequence)
        assert sequence.kv is not None
        self._store.put(sequence.tokens, sequence.kv)
        sequence.kv = None
        self._store.shrink_to(max(self._config.kv_bytes - self._promised_bytes, 0))
