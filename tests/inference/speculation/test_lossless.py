"""Whatever is drafted, the reply is the one without drafts: a small verifying loop around a real target model.

The engine has its own tests of this; here it is the proposers that are tried, with all that they keep between steps.
"""

import random
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from inference.kvcache.storage import BLOCK_TOKENS, KvStorage, num_blocks_for
from inference.model.attention import tile_end
from inference.model.batch import Batch, DecoderModel, Segment
from inference.model.llama import load_model
from inference.speculation.draft_model import DraftModelProposer
from inference.speculation.drafting import Drafting
from inference.speculation.ngram import NgramProposer
from inference.speculation.proposer import FirstAnswer, Proposer, most_drafts
from inference.speculation.suffix import SuffixProposer
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import VOCAB, make_tiny_llama, write_hf
from tests.inference.speculation.drafters import (
    FlakyProposer,
    GarbageProposer,
    OracleProposer,
    WrongProposer,
    view_of,
)

NUM_BLOCKS, NUM_TOKENS = 16, 60
Texts = Mapping[str, Sequence[int]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[DecoderModel, DecoderModel]:
    """A target and another model that now and then agrees with it: the same weights, one of them in bfloat16."""
    folder = write_hf(tmp_path_factory.mktemp("lossless") / "tiny", make_tiny_llama(is_scaled=False, seed=3))
    checkpoint = open_checkpoint(str(folder))
    return (
        load_model(checkpoint, dtype="float32", max_context=512),
        load_model(checkpoint, dtype="bfloat16", max_context=512),
    )


def choose(logits: np.ndarray, temperature: float, position: int) -> int:
    """Noise that is a function of the position: the choice does not depend on how many were made before it."""
    if temperature == 0:
        return int(logits.argmax())
    return int(np.argmax(logits / temperature + np.random.default_rng((17, position)).gumbel(size=len(logits))))


def write(
    model: DecoderModel, drafting: Drafting | None, prompt: Sequence[int], temperature: float, request_id: str
) -> list[int]:
    """`NUM_TOKENS` tokens after `prompt`, by a loop that checks drafts as the engine does."""
    tokens, block_ids = list(prompt), list(range(1, 1 + num_blocks_for(len(prompt) + NUM_TOKENS)))
    kv = KvStorage(model.kv_shape, num_blocks=NUM_BLOCKS)
    num_computed, end = 0, len(prompt) + NUM_TOKENS
    while len(tokens) < end:
        drafts: list[int] = []
        if drafting and num_computed == len(tokens) - 1:
            view = view_of(tokens, request_id=request_id, num_prompt=len(prompt), block_ids=block_ids)
            limit = most_drafts(len(tokens), max_total_tokens=end, max_context=model.max_context)
            drafts = drafting.drafts_for([view], [limit])[0]
        ids = [*tokens[num_computed:], *drafts][: tile_end(num_computed) - num_computed]
        last = len(tokens) - num_computed - 1
        segment = Segment(row=0, num_tokens=len(ids), position=num_computed, block_ids=block_ids)
        rows = list(range(last, len(ids)))
        logits = model.forward(Batch(ids=ids, segments=[segment], logit_rows=rows), kv).numpy()
        num_accepted = 0
        for row, draft in zip(logits, [*ids[last + 1 :], -1], strict=True):
            tokens.append(choose(row, temperature, len(tokens)))
            if tokens[-1] != draft:
                break
            num_accepted += 1
        num_computed = len(tokens) - 1
        if drafting:
            drafting.checked(request_id, num_drafted=len(ids) - last - 1, num_accepted=num_accepted)
            drafting.stepped(len(ids), 1.0)  # rows are free: as many drafts as possible
    if drafting:
        drafting.finished(view_of(tokens, request_id=request_id, num_prompt=len(prompt)))
    return tokens[len(prompt) :]


SOURCES: dict[str, Callable[[Texts, DecoderModel], Proposer]] = {
    "n-gram": lambda texts, draft: NgramProposer(lengths=(1, 2)),
    "suffix": lambda texts, draft: SuffixProposer(),
    "draft model": lambda texts, draft: DraftModelProposer(draft, num_blocks=NUM_BLOCKS),
    "suffix, then draft model": lambda texts, draft: FirstAnswer(
        [SuffixProposer(), DraftModelProposer(draft, num_blocks=NUM_BLOCKS)]
    ),
    "always right": lambda texts, draft: OracleProposer(texts),
    "always wrong": lambda texts, draft: WrongProposer(texts, vocab_size=VOCAB),
    "now and then right": lambda texts, draft: FlakyProposer(texts, rate=0.7, vocab_size=VOCAB),
    "anything": lambda texts, draft: GarbageProposer(vocab_size=VOCAB),
}


@pytest.mark.parametrize("temperature", [0.0, 0.8])
@pytest.mark.parametrize("source", SOURCES)
def test_a_reply_with_drafts_is_the_reply_without(
    models: tuple[DecoderModel, DecoderModel], source: str, temperature: float
) -> None:
    """The same request twice, so that what was learned and computed the first time is used the second time."""
    target, draft = models
    prompt = [random.Random(5).randrange(VOCAB) for _ in range(BLOCK_TOKENS + 9)]
    plain = write(target, None, prompt, temperature, "plain")
    texts = {name: [*prompt, *plain] for name in ("first", "second")}
    drafting = Drafting(SOURCES[source](texts, draft), stop_ids=(), is_free=False)
    for request_id in texts:
        assert write(target, drafting, prompt, temperature, request_id) == plain
    counters = drafting.counters
    assert counters.num_drafts > 0
    if source == "always right":
        assert counters.accepted_tokens == counters.draft_tokens
    if source == "always wrong":
        assert counters.accepted_tokens == 0
    if source in ("suffix", "now and then right") or (source == "draft model" and temperature == 0):
        assert counters.accepted_tokens > 0
