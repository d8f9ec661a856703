"""The step: the scheduler says which tokens, the model computes them, and replies grow by what the sampler chooses.

    schedule ▶ one flat batch ▶ forward ▶ for each sequence with logits: choose, compare with the drafts ▶ events
                             or the device has chosen already (`device_decoding.py`)

A sequence with drafts has logits for its last token and for each draft. Its next token is chosen from the first; as
long as it equals the draft, the one after it is chosen from the next. As the noise depends on seed and position alone
(`sampling`), the reply is token for token the one that would have been written without drafts.

Where log probabilities of a prompt are asked for, its rows have logits as well. They are read in the step that computes
them, a bounded number at a time, and on the host: nothing is chosen on the device in such a step.

Not thread-safe: `thread.py` runs it.
"""

import math
import time
from collections.abc import Sequence as Seq
from dataclasses import dataclass

from torch import Tensor

from inference.config import EngineConfig
from inference.engine.device_decoding import DeviceDecoding, chosen
from inference.engine.reply import ReplyWriter
from inference.engine.request import End, Event, Failure, GenerationRequest
from inference.engine.stats import EngineStats, StepCounters, engine_stats
from inference.engine.step_batch import Rows, batch_of, kept, rows_by_sequence, segment_of, view
from inference.errors import InvalidRequest
from inference.kvcache.block_pool import BlockPool
from inference.kvcache.host_tier import HostTier
from inference.kvcache.storage import KvStorage
from inference.model.batch import Batch, DecoderModel, DecodesOnDevice, Preparable
from inference.sampling.choice import NOT_A_NUMBER
from inference.sampling.chooser import TokenChooser
from inference.sampling.logprobs import logprobs_of_rows
from inference.scheduler.scheduler import Scheduler, SchedulerConfig, Work
from inference.scheduler.sequence import Sequence
from inference.speculation.drafting import Drafting
from inference.speculation.proposer import most_drafts
from inference.speculation.statistics import DraftCounters
from inference.text.tokenizer import Tokenizer

MAX_ROOM_FOR_DRAFTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """What is chosen for a request, and what is said of it."""

    chooser: TokenChooser
    writer: ReplyWriter


class Engine:
    """Runs requests on one model. `stop_ids` end a reply; without `drafting` nothing is guessed ahead."""

    def __init__(
        self,
        model: DecoderModel,
        tokenizer: Tokenizer,
        *,
        stop_ids: frozenset[int],
        config: EngineConfig,
        drafting: Drafting | None = None,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._stop_ids = stop_ids
        self._config = config
        num_blocks = config.kv_bytes // model.kv_shape.block_bytes + 1
        self._kv = KvStorage(model.kv_shape, num_blocks=num_blocks)
        if isinstance(model, Preparable):
            model.prepare(self._kv)
        max_step_tokens, self._busy_step_tokens = config.step_tokens
        limits = SchedulerConfig(
            max_running=config.max_running,
            max_step_tokens=max_step_tokens,
            busy_step_tokens=self._busy_step_tokens,
            is_tiled=not isinstance(model, DecodesOnDevice),
        )
        host = HostTier(self._kv, num_bytes=config.kv_host_bytes) if config.kv_host_bytes else None
        pool = BlockPool(num_blocks, on_reuse=host.spill if host else None)
        self._scheduler = Scheduler(pool, limits, host=host, on_preempt=self._forget)
        self._device: DeviceDecoding | None = None
        if isinstance(model, DecodesOnDevice):
            self._device = DeviceDecoding(model, self._kv, make_room=self._scheduler.make_room)
        self._drafting = drafting
        self._replies: dict[str, _Reply] = {}
        self._counters = StepCounters()

    @property
    def has_work(self) -> bool:
        return bool(self._replies)

    def check(self, request: GenerationRequest) -> None:
        """Raises InvalidRequest if the request can never be run. Reads nothing that changes: any thread may call."""
        num_tokens = len(request.prompt_ids) + request.max_tokens
        if not request.prompt_ids or request.max_tokens < 0:
            raise InvalidRequest("a request needs a prompt, and a number of tokens to generate", param="max_tokens")
        if max(request.prompt_ids) >= self._model.shape.vocab_size or min(request.prompt_ids) < 0:
            raise InvalidRequest("a token id is not in the model's vocabulary", param="messages")
        if request.sampling.grammar is not None and request.grammar is None:
            raise InvalidRequest("the grammar of this request has not been compiled", param="response_format")
        if num_tokens > self._model.max_context or not self._scheduler.can_ever_fit(num_tokens):
            message = (
                f"The prompt has {len(request.prompt_ids)} tokens and the reply may have {request.max_tokens}, "
                f"but together they may not have more than {self._model.max_context}."
            )
            raise InvalidRequest(message, code="context_length_exceeded", param="messages")

    def add_request(self, request: GenerationRequest) -> None:
        """Put a request into the queue. Raises InvalidRequest if it can never be run."""
        self.check(request)
        chooser = TokenChooser(
            request.sampling,
            prompt_ids=request.prompt_ids,
            num_reply_ids=request.num_reply_ids,
            stop_ids=self._stop_ids,
            grammar=request.grammar,
        )
        self._replies[request.request_id] = _Reply(chooser=chooser, writer=ReplyWriter(request, self._tokenizer))
        self._scheduler.add(Sequence(request, deadline_s=self._config.deadline_s))

    def cancel(self, request_id: str) -> None:
        """Forget a request, in whatever state it is; what it computed can still be found. Unknown ids are no error."""
        if self._replies.pop(request_id, None):
            for sequence in self._scheduler.remove(lambda sequence: sequence.request.request_id == request_id):
                self._forget(sequence)

    def step(self) -> list[Event]:
        """Advance the running sequences. Returns what happened, in order, for each request."""
        started = time.monotonic()
        events = self._expire(now=started)
        has_drafts = self._draft()
        drafted = time.monotonic()
        works = self._scheduler.schedule()
        if works:
            scheduled = time.monotonic()
            events += self._compute(works, has_drafts=has_drafts)
            self._counters.num_steps += 1
            self._counters.schedule_seconds += scheduled - drafted
            self._counters.step_seconds += time.monotonic() - started
        return events

    def fail_all(self, code: str, message: str) -> list[Event]:
        """End every request with a failure, after an error inside a step. Keys and values are not trusted any more."""
        if self._device:
            self._device.abandon()  # it may be the device that failed: wait for nothing
        removed = self._scheduler.remove(lambda _: True)
        self._scheduler.forget_all()
        self._replies.clear()
        for sequence in removed:
            self._forget(sequence)
        return [_failure(sequence, code, message) for sequence in removed]

    def stats(self) -> EngineStats:
        """The numbers of this moment."""
        drafts = self._drafting.counters if self._drafting else DraftCounters()
        return engine_stats(self._scheduler, self._counters, drafts)

    def check_integrity(self) -> None:
        """Raises AssertionError if a block is lost or held by nobody. For tests, and cheap enough when idle."""
        pool = self._scheduler.pool
        pool.check_integrity()
        if self._scheduler.host:
            self._scheduler.host.check_integrity()
        holders = [block_id for sequence in self._scheduler.running for block_id in sequence.block_ids]
        assert len(set(holders)) == pool.num_held
        assert self.has_work or pool.num_held == 0

    def _expire(self, *, now: float) -> list[Event]:
        late = self._scheduler.remove(lambda sequence: sequence.deadline < now)
        message = f"The request took longer than {self._config.deadline_s:g} s."
        for sequence in late:
            del self._replies[sequence.request.request_id]
            self._forget(sequence)
        return [_failure(sequence, "deadline_exceeded", message) for sequence in late]

    def _draft(self) -> bool:
        """Guess ahead for those that miss one token only. Whether there are any guesses."""
        if self._drafting is None:
            return False
        sequences = [sequence for sequence in self._scheduler.running if sequence.num_missing == 1]
        limits = [self._most_drafts(sequence) for sequence in sequences]
        if any(limits):
            if not self._drafting.is_free:
                for sequence, limit in zip(sequences, limits, strict=True):
                    self._scheduler.make_room(sequence, min(limit, MAX_ROOM_FOR_DRAFTS))
            num_others = sum(sequence.num_missing for sequence in self._scheduler.running) - len(sequences)
            drafts = self._drafting.drafts_for(
                [view(sequence) for sequence in sequences],
                limits,
                num_other_rows=min(num_others, self._busy_step_tokens),
            )
            for sequence, guessed in zip(sequences, drafts, strict=True):
                chooser = self._replies[sequence.request.request_id].chooser
                sequence.drafts = list(chooser.mask_draft(guessed)) if guessed else []
        has_drafts = any(sequence.drafts for sequence in sequences)
        if self._device and self._device.num_ahead:
            # The token they are a guess at is being computed: they are made anew once it is known.
            for sequence in sequences:
                sequence.drafts = []
        return has_drafts

    def _most_drafts(self, sequence: Sequence) -> int:
        total = len(sequence.request.prompt_ids) + sequence.request.max_tokens
        return most_drafts(len(sequence.tokens), max_total_tokens=total, max_context=self._model.max_context)

    def _forget(self, sequence: Sequence) -> None:
        """It lost its blocks, which nobody else has been given yet."""
        if self._device:
            self._device.forget(sequence)
        if self._drafting:
            self._drafting.forget(sequence.request.request_id)

    def _compute(self, works: Seq[Work], *, has_drafts: bool) -> list[Event]:
        rows_of = self._rows_ahead(works, goes_on=not has_drafts)
        segments = {work.sequence: segment_of(work, row=0) for work in works if work.sequence in rows_of}
        others = [work for work in works if work.sequence not in rows_of]
        if others:
            batch, logit_works = batch_of(others)
            rows_of |= self._forward(batch, logit_works)
            segments |= {work.sequence: segment for work, segment in zip(others, batch.segments, strict=True)}
        events: list[Event] = []
        ended: list[Sequence] = []
        for work in works:
            sequence = work.sequence
            self._count(sequence, work.num_tokens)
            sequence.num_computed = work.position + work.num_tokens - work.num_drafts
            written = self._read(work, rows_of.get(sequence, ()))
            events += written
            if written and isinstance(written[-1], End | Failure):
                ended.append(sequence)
            sequence.publish_full_blocks(self._scheduler.pool)
        if self._drafting:
            self._drafting.observe([kept(sequence, segment) for sequence, segment in segments.items()])
        self._finish(ended)
        return events

    def _rows_ahead(self, works: Seq[Work], *, goes_on: bool) -> dict[Sequence, Rows]:
        if self._device is None:
            return {}
        ids = self._device.take(works, goes_on=goes_on)
        if self._drafting and self._device.step_s and len(ids) == len(works):
            self._drafting.stepped(len(ids), self._device.step_s)
        return {sequence: [token_id] for sequence, token_id in ids.items()}

    def _forward(self, batch: Batch, logit_works: Seq[Work]) -> dict[Sequence, Rows]:
        started = time.monotonic()
        is_scoring = any(work.scored for work in logit_works)
        ids = self._device.sample(batch, logit_works) if self._device and not is_scoring else None
        rows = self._model.forward(batch, self._kv) if ids is None else ids
        if self._drafting and not is_scoring and len(logit_works) == len(batch.segments):
            self._drafting.stepped(len(batch.ids), time.monotonic() - started)
        return rows_by_sequence(logit_works, rows)

    def _finish(self, sequences: Seq[Sequence]) -> None:
        for sequence in sequences:
            del self._replies[sequence.request.request_id]
            if self._drafting:
                self._drafting.finished(view(sequence))
        if sequences:
            for sequence in self._scheduler.remove(lambda sequence: sequence in sequences):
                self._forget(sequence)

    def _count(self, sequence: Sequence, num_tokens: int) -> None:
        if sequence.num_generated:
            self._counters.num_decode_tokens += num_tokens
        else:
            self._counters.num_prefill_tokens += num_tokens

    def _read(self, work: Work, rows: Rows) -> list[Event]:
        """What the rows of a work say: first of the prompt, then of what comes next."""
        sequence, num_scored = work.sequence, len(work.scored)
        if num_scored and (failure := self._score(work, rows[:num_scored])):
            return [failure]
        if work.has_logits:
            return self._choose(sequence, rows[num_scored:])
        if sequence.num_left or sequence.num_missing:
            return []
        sequence.first_token_at = time.monotonic()  # it would have come now
        return self._replies[sequence.request.request_id].writer.write_nothing(sequence)

    def _score(self, work: Work, rows: Rows) -> Failure | None:
        """Keep how likely the prompt's own tokens after the scored positions were, or say why nobody can tell."""
        assert isinstance(rows, Tensor)
        if not math.isfinite(float(rows.max())):
            return _failure(work.sequence, "generation_failed", NOT_A_NUMBER)
        request, positions = work.sequence.request, work.scored
        following = request.prompt_ids[positions.start + 1 : positions.stop + 1]
        logprobs = logprobs_of_rows(rows, following, num_top=request.sampling.num_prompt_logprobs or 0)
        self._replies[request.request_id].writer.add_prompt_logprobs(logprobs)
        work.sequence.num_scored = positions.stop
        return None

    def _choose(self, sequence: Sequence, rows: Rows) -> list[Event]:
        """Choose the next token from the first row, and from each further row as long as the drafts were right."""
        drafts, sequence.drafts = sequence.drafts[: len(rows) - 1], []
        events: list[Event] = []
        num_accepted = 0
        for number, row in enumerate(rows):
            token_id = self._choose_one(sequence, row, events)
            if number == len(drafts) or token_id != drafts[number]:
                break
            num_accepted += 1
            sequence.num_computed += 1  # the draft's keys and values are this token's
            if events and isinstance(events[-1], End | Failure):
                break
        if self._drafting:
            self._drafting.checked(sequence.request.request_id, num_drafted=len(drafts), num_accepted=num_accepted)
        return events

    def _choose_one(self, sequence: Sequence, row: Tensor | int, events: list[Event]) -> int:
        reply = self._replies[sequence.request.request_id]
        if isinstance(row, int):
            choice = chosen(row)
        else:
            choice = reply.chooser.choose(row, position=sequence.reply_position, reply_ids=sequence.reply_ids)
        sequence.first_token_at = sequence.first_token_at or time.monotonic()
        if choice.failure:
            events.append(_failure(sequence, "generation_failed", choice.failure))
            return choice.token_id
        token_id = choice.token_id
        is_stop = token_id in self._stop_ids
        if not is_stop:
            reply.chooser.accept(token_id)
        sequence.tokens.append(token_id)
        events += reply.writer.write(token_id, sequence, is_stop=is_stop, logprobs=choice.logprobs)
        return token_id


def _failure(sequence: Sequence, code: str, message: str) -> Failure:
    return Failure(request_id=sequence.request.request_id, code=code, message=message)
