"""What callers hear of a sequence: pieces of text with their token ids, and the end."""

import time
from collections import deque
from collections.abc import Sequence as Seq

from inference.engine.request import End, Event, FinishReason, GenerationRequest, Piece, PositionLogprobs, Timing
from inference.scheduler.sequence import Sequence
from inference.text.reply_text import ReplyText, TextPiece
from inference.text.tokenizer import Tokenizer


class ReplyWriter:
    """Turns the tokens chosen for one request into events."""

    def __init__(self, request: GenerationRequest, tokenizer: Tokenizer) -> None:
        self._request = request
        self._text = ReplyText(tokenizer, request.stop_strings)
        self._logprobs: deque[PositionLogprobs] = deque()
        self._is_scored = request.sampling.num_prompt_logprobs is not None
        self._prompt_logprobs: list[PositionLogprobs] = []
        self._num_tokens = 0

    def add_prompt_logprobs(self, logprobs: Seq[PositionLogprobs]) -> None:
        """Those of the next tokens of the prompt. All are told at once, before the reply."""
        self._prompt_logprobs += logprobs

    def write(
        self, token_id: int, sequence: Sequence, *, is_stop: bool, logprobs: PositionLogprobs | None
    ) -> list[Event]:
        """What is to be said of the token chosen next. The last event is an End if the reply is complete."""
        events = [] if self._num_tokens else self._prompt()
        self._num_tokens += 1
        if logprobs and (self._is_scored or not is_stop):
            self._logprobs.append(logprobs)
        if is_stop:
            return [*events, *self._finish("stop", sequence)]
        if piece := self._text.push(token_id):
            events.append(self._piece(piece))
        is_full = self._num_tokens >= self._request.max_tokens
        if self._text.is_stopped or is_full:
            events += self._finish("stop" if self._text.is_stopped else "length", sequence)
        return events

    def write_nothing(self, sequence: Sequence) -> list[Event]:
        """What is to be said of a prompt without a reply."""
        return [*self._prompt(), self._end("length", sequence)]

    def _prompt(self) -> list[Event]:
        if not self._is_scored:
            return []
        logprobs = tuple(self._prompt_logprobs)
        return [Piece(request_id=self._request.request_id, text="", token_ids=(), prompt_logprobs=logprobs)]

    def _finish(self, reason: FinishReason, sequence: Sequence) -> list[Event]:
        piece = self._text.finish()
        events: list[Event] = [self._piece(piece)] if piece else []
        if self._is_scored and self._logprobs:
            unseen = tuple(self._logprobs)
            events.append(Piece(request_id=self._request.request_id, text="", token_ids=(), logprobs=unseen))
        return [*events, self._end(reason, sequence)]

    def _piece(self, piece: TextPiece) -> Piece:
        logprobs = tuple(self._logprobs.popleft() for _ in piece.token_ids) if self._logprobs else ()
        return Piece(request_id=self._request.request_id, text=piece.text, token_ids=piece.token_ids, logprobs=logprobs)

    def _end(self, reason: FinishReason, sequence: Sequence) -> End:
        return End(
            request_id=self._request.request_id,
            finish_reason=reason,
            prompt_tokens=len(self._request.prompt_ids),
            cached_tokens=sequence.num_cached,
            reply_tokens=self._num_tokens,
            timing=Timing(
                queue_s=sequence.started_at - sequence.arrived_at,
                prefill_s=sequence.first_token_at - sequence.started_at,
                decode_s=time.monotonic() - sequence.first_token_at,
            ),
        )
