"""One request while the engine works on it."""

import time
from collections import deque

from inference.engine.request import End, Event, Failure, FinishReason, GenerationRequest, Piece, PositionLogprobs
from inference.model.attention import tile_end
from inference.model.kv import SequenceKv
from inference.text.reply_text import ReplyText, TextPiece
from inference.text.tokenizer import Tokenizer


class Sequence:
    """The tokens of a request, prompt and reply, and how many of them are computed.

        0            num_cached          num_computed             len(tokens)
        |  from the prefix store  |  by our own steps  |  still to be computed  |

    While the prompt is computed many tokens are missing, afterwards always exactly one: the one chosen last. The engine
    needs to know no other difference between prefill and decode.
    """

    def __init__(self, request: GenerationRequest, tokenizer: Tokenizer, *, deadline_s: float) -> None:
        self.request = request
        self.tokens = list(request.prompt_ids)
        self.kv: SequenceKv | None = None
        self.num_cached = 0
        self.is_cancelled = False
        self.deadline = time.monotonic() + deadline_s
        self._reply = ReplyText(tokenizer, request.stop_strings)
        self._logprobs: deque[PositionLogprobs] = deque()

    @property
    def num_computed(self) -> int:
        return self.kv.num_tokens if self.kv else 0

    @property
    def num_missing(self) -> int:
        return len(self.tokens) - self.num_computed

    @property
    def num_generated(self) -> int:
        return len(self.tokens) - len(self.request.prompt_ids)

    @property
    def max_tokens(self) -> int:
        """Tokens this sequence may ever have."""
        return len(self.request.prompt_ids) + self.request.max_tokens

    @property
    def reply_position(self) -> int:
        """The position in the reply of the token chosen next."""
        return self.num_generated + self.request.num_reply_ids

    @property
    def reply_ids(self) -> list[int]:
        """The tokens of the reply so far, with those it began with."""
        return self.tokens[len(self.request.prompt_ids) - self.request.num_reply_ids :]

    def chunk(self, budget: int) -> int:
        """How many missing tokens the next step computes: within the budget and within one attention tile."""
        return min(self.num_missing, budget, tile_end(self.num_computed) - self.num_computed)

    def accept(self, token_id: int, *, is_stop: bool, logprobs: PositionLogprobs | None) -> list[Event]:
        """Add the chosen token; what callers are to hear of it. The last event is an End if the reply is complete."""
        self.tokens.append(token_id)
        if is_stop:
            return self._finish("stop")
        if logprobs:
            self._logprobs.append(logprobs)
        piece = self._reply.push(token_id)
        events: list[Event] = [self._piece(piece)] if piece else []
        if self._reply.is_stopped:
            return [*events, self._end("stop")]
        return [*events, *self._finish("length")] if self.num_generated >= self.request.max_tokens else events

    def fail(self, code: str, message: str) -> Failure:
        return Failure(request_id=self.request.request_id, code=code, message=message)

    def _finish(self, reason: FinishReason) -> list[Event]:
        piece = self._reply.finish()
        return [*([self._piece(piece)] if piece else []), self._end(reason)]

    def _piece(self, piece: TextPiece) -> Piece:
        logprobs = tuple(self._logprobs.popleft() for _ in piece.token_ids) if self._logprobs else ()
        return Piece(request_id=self.request.request_id, text=piece.text, token_ids=piece.token_ids, logprobs=logprobs)

    def _end(self, reason: FinishReason) -> End:
        return End(
            request_id=self.request.request_id,
            finish_reason=reason,
            prompt_tokens=len(self.request.prompt_ids),
            cached_tokens=self.num_cached,
            reply_tokens=self.num_generated,
        )
