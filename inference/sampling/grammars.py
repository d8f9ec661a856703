"""Grammars bound to a vocabulary, by llguidance: which tokens keep a reply on its way to what a grammar describes.

llguidance parses bytes, so a token may begin or end anywhere in a word, number or string. Special tokens have no bytes:
a grammar can neither ask for one nor let one through, except those that end a reply, and these exactly where the reply
may end. Its limits are set low, as specs come from clients: what runs into one is refused or ended, not waited for.
"""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper, regex_to_lark
from numpy.typing import NDArray

from inference.sampling.params import GrammarSpec
from inference.text.tokenizer import Tokenizer

WHITESPACE = r"\n? {0,40}"
"""What JSON may have between its parts. Without a bound, a model that has lost its way writes spaces for ever."""

MAX_MASK_S = 0.5
"""Whoever's grammar takes this long for one token has held up everybody else for as long, and does so only once."""

SILENT = 0


class GrammarError(Exception):
    """A spec is no grammar, describes nothing, or asks too much. The message is meant for whoever sent it."""


def _limits() -> LLParserLimits:
    return LLParserLimits(
        initial_lexer_fuel=500_000,
        step_lexer_fuel=100_000,
        step_max_items=30_000,
        max_items_in_row=2000,
        max_lexer_states=20_000,
        max_grammar_size=100_000,
        precompute_large_lexemes=True,
        verbose_errors=False,
    )


class GrammarVocabulary:
    """A tokenizer as llguidance wants it. Takes a few tenths of a second for 128,000 tokens; make it once.

    `vocab_size` is the length of the model's logits, at least the tokenizer's.
    """

    def __init__(self, token_bytes: Sequence[bytes], *, vocab_size: int, stop_ids: Iterable[int]) -> None:
        self.vocab_size = vocab_size
        stops = sorted(stop_ids)
        padded = [*token_bytes, *(b"" for _ in range(vocab_size - len(token_bytes)))]
        self._tokenizer = LLTokenizer(TokenizerWrapper(_Tokens(padded, stops)), n_vocab=vocab_size, eos_token=stops)

    def compile(self, spec: GrammarSpec) -> "CompiledGrammar":
        """Raises GrammarError. May take long and much memory for a spec made for that: see `compiler.py`."""
        matcher = LLMatcher(self._tokenizer, _in_llguidances_form(spec), limits=_limits(), log_level=SILENT)
        if matcher.is_error():
            raise GrammarError(_first_line(matcher.get_error()))
        compiled = CompiledGrammar(matcher, self.vocab_size)
        compiled.start().allowed()  # builds what every reply needs first, and finds what has no beginning
        return compiled


def token_bytes_of(tokenizer: Tokenizer) -> list[bytes]:
    """What each token adds to a text, by id."""
    return [tokenizer.token_bytes(token_id) for token_id in range(tokenizer.vocab_size)]


class CompiledGrammar:
    """A grammar ready to be followed, by any number of replies. Threads may share it."""

    def __init__(self, matcher: LLMatcher, vocab_size: int) -> None:
        self._matcher = matcher
        self._vocab_size = vocab_size

    def start(self) -> "GrammarState":
        """The beginning of a reply. Costs microseconds."""
        return GrammarState(self._matcher.deep_copy(), self._vocab_size)

    def allows(self, reply_ids: Sequence[int]) -> bool:
        """Whether a reply can begin like this."""
        return self.start().num_allowed(reply_ids) == len(reply_ids)


class GrammarState:
    """Where one reply stands in its grammar. Belongs to one thread at a time."""

    def __init__(self, matcher: LLMatcher, vocab_size: int) -> None:
        self._matcher = matcher
        self._vocab_size = vocab_size

    def allowed(self) -> NDArray[np.bool_]:
        """[V], true for the tokens that may come next. Raises GrammarError if a limit was hit."""
        started = time.thread_time()
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        if self._matcher.is_error():
            raise GrammarError(_first_line(self._matcher.get_error()))
        if time.thread_time() - started > MAX_MASK_S:
            raise GrammarError("following it takes too long")
        return np.unpackbits(bits, bitorder="little", count=self._vocab_size).view(np.bool_)

    def accept(self, token_id: int) -> bool:
        """Go on with this token; false if the grammar forbids it, and then nothing is allowed any more."""
        return self._matcher.consume_token(token_id)

    def num_allowed(self, token_ids: Sequence[int]) -> int:
        """How many of these tokens, from the first on, may come next. Changes nothing."""
        return self._matcher.validate_tokens(list(token_ids)) if token_ids else 0

    @property
    def is_complete(self) -> bool:
        """Whether the reply may end here."""
        return self._matcher.is_accepting()


def _in_llguidances_form(spec: GrammarSpec) -> str:
    if spec.or_else is None:
        return _alone(spec)
    start = {"lark_grammar": "start: @this | @that"}
    return json.dumps({"grammars": [start, _named("this", spec), _named("that", spec.or_else)]})


def _named(name: str, spec: GrammarSpec) -> dict[str, Any]:
    """One grammar of several. A schema's is in a list of one, every other is in Lark's notation."""
    form = _alone(spec)
    grammar = json.loads(form)["grammars"][0] if spec.kind == "json_schema" else {"lark_grammar": form}
    return {**grammar, "name": name}


def _alone(spec: GrammarSpec) -> str:
    try:
        match spec.kind:
            case "json_schema":
                return LLMatcher.grammar_from_json_schema(spec.text, overrides={"whitespace_pattern": WHITESPACE})
            case "regex":
                # \d and \w mean ASCII, as in JSON Schema: in Rust they are the digits and letters of every script.
                return LLMatcher.grammar_from_lark(f"start: /{regex_to_lark(spec.text, 'dw')}/")
            case "lark":
                return LLMatcher.grammar_from_lark(spec.text)
    except ValueError as error:  # a lone surrogate in the text is one too
        raise GrammarError(_first_line(str(error))) from error


def _first_line(message: str) -> str:
    lines = message.strip().splitlines() or ["it is not valid"]
    return lines[0].replace(" <non-verbose/>", "")[:300]


class _Tokens:
    """What TokenizerWrapper asks of a tokenizer."""

    bos_token_id = None

    def __init__(self, tokens: list[bytes], stop_ids: list[int]) -> None:
        self.tokens = tokens
        self.eos_token_id = stop_ids[0]
        self.special_token_ids = [token_id for token_id, token in enumerate(tokens) if not token]
        self._byte_ids = {token: token_id for token_id, token in enumerate(tokens) if len(token) == 1}

    def __call__(self, text: bytes) -> list[int]:
        """Some ids that spell `text`. Asked for only to foretell tokens, which we do not use."""
        spelled = (text[i : i + 1] for i in range(len(text)))
        return [self._byte_ids[byte] for byte in spelled if byte in self._byte_ids]
