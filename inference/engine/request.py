"""What the engine is asked for and what it answers: the vocabulary between the step loop and whoever calls it."""

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How tokens are chosen.

    temperature    0 = always the most likely token
    top_p          keep the smallest set of tokens with at least this probability
    top_k          keep this many tokens; 0 = all
    dry_multiplier how hard to punish repeated phrases (see `penalties.py`); 0 = not at all
    seed           with a token's position in the reply it fixes the noise (see `sampling.py`)
    num_logprobs   most likely tokens to report at each position; None = report nothing
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    dry_multiplier: float = 0.0
    seed: int = 0
    num_logprobs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """A prompt to continue. Of `prompt_ids` the last `num_reply_ids` are the beginning of the reply."""

    request_id: str
    prompt_ids: tuple[int, ...]
    num_reply_ids: int = 0
    max_tokens: int
    stop_strings: tuple[str, ...] = ()
    sampling: SamplingParams = SamplingParams()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """A token with its natural logarithm of probability, before temperature and truncation."""

    token_id: int
    logprob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLogprobs:
    """The chosen token and the most likely ones, best first, at one position."""

    chosen: TokenLogprob
    top: tuple[TokenLogprob, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some more of the reply. `token_ids` decode to `text`; `logprobs` are theirs, where asked for."""

    request_id: str
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[PositionLogprobs, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The reply is complete. Counts are tokens; `reply_tokens` are those generated for this request."""

    request_id: str
    finish_reason: FinishReason
    prompt_tokens: int
    cached_tokens: int
    reply_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The request was ended from our side. `code` is stable, `message` may be shown to the caller."""

    request_id: str
    code: str
    message: str


Event = Piece | End | Failure
