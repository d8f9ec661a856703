"""A draft model that keeps its own storage, against one that computes everything anew each time."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from inference.errors import CheckpointError
from inference.kvcache.storage import BLOCK_TOKENS, KvStorage, num_blocks_for
from inference.model.attention import tile_end
from inference.model.batch import Batch, DecoderModel, Segment
from inference.model.llama import load_model
from inference.speculation.draft_model import DraftModelProposer, check_same_vocabulary
from inference.text.tokenizer import Tokenizer
from inference.text.vocabulary import LLAMA3_PATTERN, llama3_special_tokens
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import VOCAB, make_tiny_llama, write_hf
from tests.inference.speculation.drafters import view_of

NUM_BLOCKS = 64


class CountingModel:
    """A model that notes how many rows each pass had, and checks what it is asked to compute."""

    def __init__(self, model: DecoderModel) -> None:
        self._model = model
        self.shape, self.max_context, self.kv_shape = model.shape, model.max_context, model.kv_shape
        self.rows: list[int] = []

    def forward(self, batch: Batch, kv: KvStorage) -> Tensor:
        self.rows.append(len(batch.ids))
        for segment in batch.segments:
            assert segment.position + segment.num_tokens <= tile_end(segment.position)
        return self._model.forward(batch, kv)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> DecoderModel:
    folder = write_hf(tmp_path_factory.mktemp("draft") / "tiny", make_tiny_llama(is_scaled=False, seed=11))
    return load_model(open_checkpoint(str(folder)), dtype="float32", max_context=512)


def greedy(model: DecoderModel, tokens: Sequence[int], num_tokens: int) -> list[int]:
    """Each token from a pass over all those before it, in fresh storage."""
    found = list(tokens)
    while len(found) < len(tokens) + num_tokens:
        block_ids = range(1, num_blocks_for(len(found)) + 1)
        kv = KvStorage(model.kv_shape, num_blocks=len(block_ids) + 1)
        logits = torch.empty(0)
        for start in range(0, len(found), tile_end(0)):
            ids = found[start : start + tile_end(0)]
            segment = Segment(row=0, num_tokens=len(ids), position=start, block_ids=block_ids)
            logits = model.forward(Batch(ids=ids, segments=[segment], logit_rows=[len(ids) - 1]), kv)
        found.append(int(logits[0].argmax()))
    return found[len(tokens) :]


def random_ids(seed: int, num_tokens: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(VOCAB) for _ in range(num_tokens)]


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 1000),
    lengths=st.lists(st.integers(1, 70), min_size=1, max_size=3),
    steps=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.booleans()), min_size=1, max_size=5),
)
def test_drafts_are_what_the_model_says_by_itself(
    model: DecoderModel, seed: int, lengths: list[int], steps: list[tuple[int, int, bool]]
) -> None:
    """Whatever was accepted before, whether other tokens came in between, and whoever is drafted for beside."""
    proposer = DraftModelProposer(model, num_blocks=NUM_BLOCKS)
    texts = [random_ids(seed + i, length) for i, length in enumerate(lengths)]
    rng = random.Random(seed)
    for num_drafts, num_accepted, is_drafting in steps:
        views = [
            view_of(text, request_id=str(i), block_ids=range(1 + 8 * i, 1 + 8 * i + num_blocks_for(len(text) + 8)))
            for i, text in enumerate(texts)
        ]
        drafts: list[list[int]] = [[] for _ in texts]
        if is_drafting:
            drafts = proposer.propose_all(views, [num_drafts] * len(texts))
            assert drafts == [greedy(model, text, num_drafts) for text in texts]
        for text, found in zip(texts, drafts, strict=True):
            text += [*found[:num_accepted], rng.randrange(VOCAB)]


def test_only_what_is_missing_is_computed(model: DecoderModel) -> None:
    """With all drafts accepted, the last of them and the token after it."""
    counting = CountingModel(model)
    proposer = DraftModelProposer(counting, num_blocks=NUM_BLOCKS)
    text = random_ids(1, 40)
    for chosen, expected in ((4, [40, 1, 1, 1]), (4, [2, 1, 1, 1]), (1, [2, 1, 1, 1]), (0, [1, 1, 1, 1])):
        counting.rows.clear()
        drafts = proposer.propose_all([view_of(text, block_ids=[3, 1, 2])], [4])[0]
        assert counting.rows == expected
        text += [*drafts[:chosen], 7 if drafts[chosen:] != [7] else 8]


def test_a_prefix_that_the_draft_model_computed_serves_the_next_request(model: DecoderModel) -> None:
    """The target's hit is its own: whole blocks of the same text under the same ids, for the same tenant."""
    counting = CountingModel(model)
    proposer = DraftModelProposer(counting, num_blocks=NUM_BLOCKS)
    prefix, ids = random_ids(2, 2 * BLOCK_TOKENS), [5, 9]
    proposer.propose_all([view_of([*prefix, 1], request_id="first", block_ids=[*ids, 6])], [1])
    proposer.forget("first")
    for salt, num_rows in (("", 3), ("other", 67)):
        counting.rows.clear()
        text = [*prefix, 7, 8, 9]
        view = view_of(text, request_id=f"again {salt}", block_ids=[*ids, 7], cache_salt=salt)
        assert proposer.propose_all([view], [1]) == [greedy(model, text, 1)]
        assert counting.rows == [num_rows]


def test_rejected_drafts_leave_no_trace(model: DecoderModel) -> None:
    """Other tokens than the drafted ones were chosen, several of them before anybody asked for drafts again."""
    proposer = DraftModelProposer(model, num_blocks=NUM_BLOCKS)
    for seed in range(20, 26):
        text = random_ids(seed, 12)
        drafts = proposer.propose_all([view_of(text, request_id=str(seed), block_ids=[1])], [6])[0]
        text += [drafts[0], *((token_id + 1) % VOCAB for token_id in drafts[1:5])]
        view = view_of(text, request_id=str(seed), block_ids=[1])
        assert proposer.propose_all([view], [4]) == [greedy(model, text, 4)]


def test_blocks_filled_by_accepted_drafts_serve_the_next_request(model: DecoderModel) -> None:
    counting = CountingModel(model)
    proposer = DraftModelProposer(counting, num_blocks=NUM_BLOCKS)
    text = random_ids(12, BLOCK_TOKENS - 2)
    text += proposer.propose_all([view_of(text, block_ids=[3, 4])], [5])[0]
    proposer.propose_all([view_of(text, block_ids=[3, 4])], [1])
    counting.rows.clear()
    proposer.propose_all([view_of([*text[:BLOCK_TOKENS], 1, 2], request_id="next", block_ids=[3, 5])], [1])
    assert counting.rows == [2]


def test_blocks_that_only_the_target_filled_are_computed(model: DecoderModel) -> None:
    """Blocks 5 and 9 held another text; the target has given them to a new one while nothing was drafted."""
    proposer = DraftModelProposer(model, num_blocks=NUM_BLOCKS)
    proposer.propose_all([view_of(random_ids(3, 80), request_id="old", block_ids=[5, 9, 6])], [3])
    proposer.forget("old")
    text = random_ids(4, 80)
    assert proposer.propose_all([view_of(text, block_ids=[5, 9, 7])], [3]) == [greedy(model, text, 3)]


def test_blocks_that_were_overwritten_half_way_are_not_trusted(model: DecoderModel) -> None:
    """Another text began in block 5 and went away. What stood there before is gone, though it was valid once."""
    proposer = DraftModelProposer(model, num_blocks=NUM_BLOCKS)
    text = random_ids(5, 40)
    expected = [greedy(model, text, 3)]
    assert proposer.propose_all([view_of(text, request_id="a", block_ids=[5, 9])], [3]) == expected
    proposer.forget("a")
    proposer.propose_all([view_of(random_ids(6, 10), request_id="b", block_ids=[5])], [3])
    proposer.forget("b")
    assert proposer.propose_all([view_of(text, request_id="c", block_ids=[5, 9])], [3]) == expected


def test_a_request_that_comes_back_in_other_blocks_starts_anew(model: DecoderModel) -> None:
    proposer = DraftModelProposer(model, num_blocks=NUM_BLOCKS)
    text = random_ids(7, 40)
    proposer.propose_all([view_of(text, block_ids=[1, 2])], [3])
    assert proposer.propose_all([view_of(text, block_ids=[3, 4])], [3]) == [greedy(model, text, 3)]


def test_a_long_prompt_does_not_hold_up_the_others(model: DecoderModel) -> None:
    """It is caught up with over several steps, after those that lack little."""
    proposer = DraftModelProposer(model, num_blocks=NUM_BLOCKS, max_catch_up_tokens=100)
    texts = [random_ids(8, 290), random_ids(9, 20)]
    views = [view_of(text, request_id=str(i), block_ids=range(1 + 20 * i, 12 + 20 * i)) for i, text in enumerate(texts)]
    expected = [greedy(model, text, 2) for text in texts]
    answers = [proposer.propose_all(views, [2, 2]) for _ in range(4)]
    assert answers == [[[], expected[1]], [[], expected[1]], [[], expected[1]], expected]


def test_no_more_drafts_than_there_is_room_for(model: DecoderModel) -> None:
    """Two blocks hold 64 tokens; the last draft is not computed and needs no place."""
    proposer = DraftModelProposer(model, num_blocks=NUM_BLOCKS)
    text = random_ids(10, 62)
    assert len(proposer.propose_all([view_of(text, block_ids=[1, 2])], [8])[0]) == 3
    assert proposer.propose_all([view_of(text, request_id="b", block_ids=[3])], [8]) == [[]]
    assert proposer.propose_all([view_of(text, request_id="c", block_ids=[4, 5])], [0]) == [[]]


def test_no_id_that_the_target_lacks_is_drafted(model: DecoderModel) -> None:
    """A draft model's vocabulary may be padded further than the target's."""
    proposer = DraftModelProposer(model, num_blocks=NUM_BLOCKS, num_ids=5)
    drafts = proposer.propose_all([view_of(random_ids(11, 20), block_ids=[1])], [8])[0]
    assert len(drafts) == 8
    assert max(drafts) < 5


def tokenizer(ranks: dict[bytes, int], special: dict[str, int]) -> Tokenizer:
    return Tokenizer(name="test", pattern=LLAMA3_PATTERN, ranks=ranks, special=special)


def test_a_draft_model_with_another_vocabulary_is_refused() -> None:
    """The message names the first difference, since the file's name says the same for both."""
    ranks, special = {bytes([i]): i for i in range(256)}, llama3_special_tokens(256)
    target = tokenizer(ranks, special)
    check_same_vocabulary(target, tokenizer(dict(ranks), dict(special)), draft_path=Path("draft"))
    swapped = tokenizer({**ranks, b"a": ranks[b"b"], b"b": ranks[b"a"]}, special)
    with pytest.raises(CheckpointError, match=r"draft: .*token 97 is b'a' there and b'b' here"):
        check_same_vocabulary(target, swapped, draft_path=Path("draft"))
    shorter = tokenizer(ranks, {"<|eot_id|>": 256})
    with pytest.raises(CheckpointError, match=r"token 256 is '<\|begin_of_text\|>' there and '<\|eot_id\|>' here"):
        check_same_vocabulary(target, shorter, draft_path=Path("draft"))


def test_reserved_tokens_may_have_got_a_name_since() -> None:
    """Llama 3.0 reserves what 3.1 calls <|step_id|>; everything that is ever written is the same."""
    ranks, special = {bytes([i]): i for i in range(256)}, llama3_special_tokens(256)
    older = {"<|reserved_special_token_old|>" if name == "<|step_id|>" else name: i for name, i in special.items()}
    check_same_vocabulary(tokenizer(ranks, special), tokenizer(ranks, older), draft_path=Path("draft"))
