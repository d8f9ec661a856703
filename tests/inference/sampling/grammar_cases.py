"""A vocabulary of bytes with a few longer tokens, and what the tests of this folder do with it."""

from collections.abc import Sequence

import torch

from inference.sampling.chooser import TokenChooser
from inference.sampling.grammars import CompiledGrammar, GrammarVocabulary
from inference.sampling.params import GrammarSpec, SamplingParams

WORDS = (b'{"', b'":', b'", "', b'"}', b"true", b"12", b"the ", b"\n  ", b"]}", "é".encode(), "🦙".encode()[:2])
STOP, OTHER_STOP = 256 + len(WORDS), 257 + len(WORDS)
V = OTHER_STOP + 1 + 5  # the model's vocabulary is longer than the tokenizer's
TOKENS = [*(bytes([byte]) for byte in range(256)), *WORDS]

VOCABULARY = GrammarVocabulary([*TOKENS, b"", b""], vocab_size=V, stop_ids=[STOP, OTHER_STOP])


def grammar_of(params: SamplingParams) -> CompiledGrammar | None:
    return VOCABULARY.compile(params.grammar) if params.grammar else None


def chooser_for(params: SamplingParams, *, prompt: Sequence[int] = (), reply: Sequence[int] = ()) -> TokenChooser:
    return TokenChooser(
        params,
        prompt_ids=(*prompt, *reply),
        num_reply_ids=len(reply),
        stop_ids=[OTHER_STOP, STOP],
        grammar=grammar_of(params),
    )


def model_of(seed: int, *, spread: float = 3.0) -> "RandomModel":
    return RandomModel(seed, spread)


class RandomModel:
    """Logits that depend on the tokens before them, like a model's, and on nothing else."""

    def __init__(self, seed: int, spread: float) -> None:
        self._seed = seed
        self._spread = spread

    def logits(self, reply: Sequence[int]) -> torch.Tensor:
        key = hash((self._seed, *reply)) & 0x7FFFFFFF
        return torch.randn(V, generator=torch.Generator().manual_seed(key)) * self._spread


def generate(
    params: SamplingParams,
    model: RandomModel,
    *,
    prompt: Sequence[int] = (),
    begun: Sequence[int] = (),
    most: int = 60,
) -> list[int]:
    """The reply's tokens, those it began with included; a stop token is its last one."""
    chooser, reply = chooser_for(params, prompt=prompt, reply=begun), list(begun)
    while len(reply) < most:
        choice = chooser.choose(model.logits(reply), position=len(reply), reply_ids=reply)
        assert not choice.failure
        reply.append(choice.token_id)
        if choice.token_id in (STOP, OTHER_STOP):
            break
        chooser.accept(choice.token_id)
    return reply


def text_of(reply: Sequence[int]) -> bytes:
    return b"".join(TOKENS[token_id] for token_id in reply if token_id < len(TOKENS))


def json_schema(text: str) -> GrammarSpec:
    return GrammarSpec(kind="json_schema", text=text)


def regex(text: str) -> GrammarSpec:
    return GrammarSpec(kind="regex", text=text)
