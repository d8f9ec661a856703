"""Log probabilities in OpenAI's older form: for each choice four lists with one entry per token.

text            |  The prompt, echoed  |  and its reply  |
tokens           <s> The  pro  mpt ...        <- a mark that was put before the text is at 0 as well
token_logprobs  null  -5.1 -2.0 ...           <- nothing comes before the first, so nothing is known about it
text_offset        0    0    4 ...            <- characters; of a character in several tokens, where it begins
"""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from inference.engine.request import PositionLogprobs, TokenLogprob
from inference.text.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class LogprobLists:
    """A part of them."""

    tokens: list[str] = field(default_factory=list)
    token_logprobs: list[float | None] = field(default_factory=list)
    top_logprobs: list[dict[str, float] | None] = field(default_factory=list)
    text_offset: list[int] = field(default_factory=list)

    def __add__(self, other: "LogprobLists") -> "LogprobLists":
        return LogprobLists(
            tokens=self.tokens + other.tokens,
            token_logprobs=self.token_logprobs + other.token_logprobs,
            top_logprobs=self.top_logprobs + other.top_logprobs,
            text_offset=self.text_offset + other.text_offset,
        )

    def json(self) -> dict[str, Any]:
        """As OpenAI names them."""
        return {
            "tokens": self.tokens,
            "token_logprobs": self.token_logprobs,
            "top_logprobs": self.top_logprobs,
            "text_offset": self.text_offset,
        }


class CompletionLogprobs:
    """The lists of one choice, part by part, in the order of its text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._num_chars = 0

    def of_prompt(self, text: str, token_ids: Sequence[int], positions: Sequence[PositionLogprobs]) -> LogprobLists:
        """For an echoed prompt: `positions` begin with its second token. In its text special tokens have names."""
        num_hidden = max(len(self._tokenizer.decode_markup(token_ids)) - len(text), 0)
        offsets = [max(self._advance(self._spelled(token_id)) - num_hidden, 0) for token_id in token_ids]
        self._decoder.reset()
        self._num_chars = len(text)
        lists = self._lists(positions, offsets[1:])
        first = LogprobLists(
            tokens=[self._tokenizer.token_text(token_ids[0])],
            token_logprobs=[None],
            top_logprobs=[None],
            text_offset=offsets[:1],
        )
        return first + lists

    def of_reply(self, positions: Sequence[PositionLogprobs]) -> LogprobLists:
        """For the next tokens of the reply, in whose text special tokens are worth nothing."""
        offsets = [self._advance(self._tokenizer.token_bytes(at.chosen.token_id)) for at in positions]
        return self._lists(positions, offsets)

    def _lists(self, positions: Sequence[PositionLogprobs], offsets: list[int]) -> LogprobLists:
        return LogprobLists(
            tokens=[self._tokenizer.token_text(at.chosen.token_id) for at in positions],
            token_logprobs=[at.chosen.logprob for at in positions],
            top_logprobs=[self._by_name(at.top) for at in positions],
            text_offset=offsets,
        )

    def _by_name(self, top: Sequence[TokenLogprob]) -> dict[str, float]:
        """Best first; of several tokens that are half a character, and so have one name, the best."""
        named: dict[str, float] = {}
        for each in top:
            named.setdefault(self._tokenizer.token_text(each.token_id), each.logprob)
        return named

    def _spelled(self, token_id: int) -> bytes:
        return self._tokenizer.token_bytes(token_id) or self._tokenizer.token_text(token_id).encode()

    def _advance(self, spelled: bytes) -> int:
        """Where the token begins that adds these bytes."""
        start = self._num_chars
        self._num_chars += len(self._decoder.decode(spelled))
        return start
