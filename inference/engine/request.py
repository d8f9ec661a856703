"""What the engine is asked for and what it answers: the vocabulary between the step loop and whoever calls it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from inference.sampling.choice import PositionLogprobs, TokenLogprob
from inference.sampling.params import SamplingParams

if TYPE_CHECKING:
    from inference.sampling.grammars import CompiledGrammar

__all__ = [
    "End",
    "Event",
    "Failure",
    "FinishReason",
    "GenerationRequest",
    "Piece",
    "PositionLogprobs",
    "SamplingParams",
    "Timing",
    "TokenLogprob",
]

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """A prompt to continue. Of `prompt_ids` the last `num_reply_ids` are the beginning of the reply.

    max_tokens  of the reply; 0 = the prompt is computed, and that is all
    grammar     `sampling.grammar`, compiled (see `sampling/compiler.py`)
    user        for whom: waiting requests of several users take turns
    priority    smaller is more urgent
    cache_salt  keys and values are reused only among requests with the same salt
    """

    request_id: str
    prompt_ids: tuple[int, ...]
    num_reply_ids: int = 0
    max_tokens: int
    stop_strings: tuple[str, ...] = ()
    sampling: SamplingParams = field(default_factory=SamplingParams)
    grammar: "CompiledGrammar | None" = None
    user: str = ""
    priority: int = 0
    cache_salt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some more of the reply. `token_ids` decode to `text`; `logprobs` are theirs, where asked for.

    Who asks for `prompt_logprobs` hears a piece with nothing else before all others; they begin with the prompt's
    second token. From then on the logprobs of every token are told, in a piece without text if it is not shown: a stop
    token, or half a character at the end.
    """

    request_id: str
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[PositionLogprobs, ...] = ()
    prompt_logprobs: tuple[PositionLogprobs, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Where a request's time went: until its first step, then until its first token, then until its last."""

    queue_s: float
    prefill_s: float
    decode_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The reply is complete. Counts are tokens; `reply_tokens` are those generated for this request."""

    request_id: str
    finish_reason: FinishReason
    prompt_tokens: int
    cached_tokens: int
    reply_tokens: int
    timing: Timing | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The request was ended from our side. `code` is stable, `message` may be shown to the caller."""

    request_id: str
    code: str
    message: str


Event = Piece | End | Failure
