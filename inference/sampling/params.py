"""How tokens are chosen, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

GrammarKind = Literal["json_schema", "regex", "lark"]

ANY_JSON_OBJECT = '{"type":"object"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class GrammarSpec:
    """What a reply has to look like: a JSON schema as JSON text, a regular expression, or a grammar in Lark's notation.

    Everything else (any JSON object, one of several strings, a function call) is written as one of these. With
    `or_else` the reply may look like that instead.
    """

    kind: GrammarKind
    text: str
    or_else: "GrammarSpec | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How tokens are chosen. Applied in this order; each step sees what the one before it left.

    repetition_penalty  above 1 makes tokens of prompt and reply less likely (Keskar et al. 2019); 1 = off
    presence_penalty    taken once off the logit of every token that stands in the reply
    frequency_penalty   taken off for every time it stands there
    dry_multiplier      how hard to punish phrases that come back (see `repetition.py`); 0 = off
    logit_bias          added to logits, by token id
    min_tokens          no stop token before so many tokens of the reply
    ignore_eos          no stop token at all: for measurements
    grammar             only tokens with which the reply can still become what this describes
    temperature         0 = always the most likely token
    top_k               keep this many tokens; 0 = all
    top_p               keep the smallest set of tokens with at least this probability
    min_p               keep tokens at least this likely relative to the likeliest
    typical_p           keep the tokens of most typical surprise up to this probability (Meister et al. 2022)
    seed                with a token's position in the reply it fixes the noise (see `noise.py`)
    num_logprobs        most likely tokens to report at each position; None = report nothing
    num_prompt_logprobs the same for the positions of the prompt, from its second token on
    """

    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    dry_multiplier: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    min_tokens: int = 0
    ignore_eos: bool = False
    grammar: GrammarSpec | None = None
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    typical_p: float = 1.0
    seed: int = 0
    num_logprobs: int | None = None
    num_prompt_logprobs: int | None = None

    def __hash__(self) -> int:
        return hash((self.seed, self.temperature, self.top_p, self.grammar))
