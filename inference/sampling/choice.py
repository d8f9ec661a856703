"""What choosing a token yields."""

from dataclasses import dataclass

NOT_A_NUMBER = "the model's output is not a number"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """A token with its natural logarithm of probability (see `logprobs.py` for which)."""

    token_id: int
    logprob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLogprobs:
    """The chosen token and the most likely ones, best first, at one position."""

    chosen: TokenLogprob
    top: tuple[TokenLogprob, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The token chosen at one position, with log probabilities where they were asked for.

    `failure` is empty, or says why the reply cannot go on: the model's output is not a number, or its grammar ran into
    a limit. The token is a stop token then, so that ending there is always safe.
    """

    token_id: int
    logprobs: PositionLogprobs | None = None
    failure: str = ""
