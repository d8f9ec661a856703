"""The EAGLE-3 head against a plain transcription of the paper's layer, on a tiny random head.

No published head is run here: none is part of the test data.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from inference.errors import CheckpointError
from inference.kvcache.storage import BLOCK_TOKENS, num_blocks_for
from inference.speculation.eagle import EagleProposer
from inference.speculation.eagle_files import load_eagle_head
from inference.speculation.eagle_head import EagleHead, feature_layers
from inference.speculation.proposer import KeptRows
from inference.weights.shape import ModelShape, Rope
from tests.inference.speculation.drafters import view_of
from tests.inference.speculation.heads import HeadSizes, random_tensors, write_head

HIDDEN, HEADS, KV_HEADS, DIM, MLP, VOCAB, DRAFT_VOCAB, THETA = 32, 4, 2, 8, 48, 100, 40, 10000.0
TARGET = ModelShape(
    num_layers=6,
    hidden_size=HIDDEN,
    num_heads=HEADS,
    num_kv_heads=KV_HEADS,
    head_dim=DIM,
    mlp_size=MLP,
    vocab_size=VOCAB,
    context_length=256,
    norm_eps=1e-5,
    rope=Rope(theta=500000.0),
    has_tied_head=False,
)
SIZES = HeadSizes(hidden=HIDDEN, heads=HEADS, kv_heads=KV_HEADS, dim=DIM, mlp=MLP, vocab=VOCAB, draft_vocab=DRAFT_VOCAB)
TENSORS = random_tensors(SIZES)
EMBEDDING = torch.randn(VOCAB, HIDDEN, generator=torch.Generator().manual_seed(7))


def write(folder: Path, *, tensors: dict[str, Tensor] = TENSORS, **config: object) -> Path:
    return write_head(folder, SIZES, tensors, **config)


def load(folder: Path) -> EagleHead:
    return load_eagle_head(folder, target=TARGET, embedding=EMBEDDING, max_context=256, dtype=torch.float32)


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> EagleHead:
    return load(write(tmp_path_factory.mktemp("eagle") / "head"))


class Target:
    """A target model that thinks what it is told to."""

    embedding = EMBEDDING
    told = torch.empty(0)

    def keep_features(self, layers: Sequence[int]) -> None:
        """These layers only exist in the tests."""

    def features(self) -> Tensor:
        return self.told


def observe(proposer: EagleProposer, rows: Sequence[KeptRows], features: Tensor) -> None:
    """After a step in which the target had these features."""
    Target.told = features
    proposer.observe(rows)


def features_of(tokens: Sequence[int], first: int = 0) -> Tensor:
    """Made-up features [T, 3 * HIDDEN]: each depends on all tokens up to its own, as a target's do."""
    rows = []
    for end in range(first + 1, len(tokens) + 1):
        g = torch.Generator().manual_seed(hash(tuple(tokens[:end])) % 2**31)
        rows.append(torch.randn(3 * HIDDEN, generator=g))
    return torch.stack(rows) if rows else torch.empty(0, 3 * HIDDEN)


def norm(x: Tensor, name: str) -> Tensor:
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * TENSORS[f"{name}.weight"]


def turned(x: Tensor, position: int) -> Tensor:
    """Half-split rope on one row of heads [H, DIM]."""
    angles = position * THETA ** (-torch.arange(0, DIM, 2) / DIM)
    a, b = x[:, : DIM // 2], x[:, DIM // 2 :]
    return torch.cat((a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()), dim=1)


def reference_drafts(tokens: list[int], num_drafts: int, *, start: int = 0) -> list[int]:
    """One position after the other, everything written out, nothing kept between calls.

    `start` is the first position that the head knows.
    """
    w = {name.removeprefix("midlayer.").removesuffix(".weight"): tensor for name, tensor in TENSORS.items()}
    thoughts = features_of(tokens[:-1]) @ w["fc"].T
    inputs = [(position, thoughts[position], tokens[position + 1]) for position in range(start, len(tokens) - 1)]
    keys: list[Tensor] = []
    values: list[Tensor] = []
    drafts: list[int] = []
    while len(drafts) < num_drafts:
        position, thought, token = inputs.pop(0)
        x = torch.cat((norm(EMBEDDING[token], "midlayer.input_layernorm"), norm(thought, "midlayer.hidden_norm")))
        queries = turned((w["self_attn.q_proj"] @ x).view(HEADS, DIM), position)
        keys.append(turned((w["self_attn.k_proj"] @ x).view(KV_HEADS, DIM), position))
        values.append((w["self_attn.v_proj"] @ x).view(KV_HEADS, DIM))
        mixed = []
        for h in range(HEADS):
            group = h * KV_HEADS // HEADS
            scores = torch.stack([k[group] @ queries[h] for k in keys]) / DIM**0.5
            mixed.append(scores.softmax(0) @ torch.stack([v[group] for v in values]))
        thought = thought + w["self_attn.o_proj"] @ torch.cat(mixed)
        y = norm(thought, "midlayer.post_attention_layernorm")
        gate = w["mlp.gate_proj"] @ y
        thought = thought + w["mlp.down_proj"] @ (gate * gate.sigmoid() * (w["mlp.up_proj"] @ y))
        if not inputs:
            best = int((w["lm_head"] @ norm(thought, "norm")).argmax())
            drafts.append(best + int(TENSORS["d2t"][best]))
            inputs.append((position + 1, thought, drafts[-1]))
    return drafts


def kept(
    tokens: Sequence[int], position: int, *, request_id: str = "a", first_block: int = 1, row: int = 0
) -> KeptRows:
    block_ids = range(first_block, first_block + num_blocks_for(len(tokens) + 8))
    view = view_of(tokens, request_id=request_id, block_ids=block_ids)
    return KeptRows(view=view, row=row, num_rows=len(tokens) - 1 - position, position=position)


def random_ids(seed: int, num_tokens: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(VOCAB) for _ in range(num_tokens)]


def test_drafts_are_those_of_the_plain_transcription(head: EagleHead) -> None:
    """Through chunks of a prompt, accepted and rejected drafts, and two requests at once."""
    proposer = EagleProposer(head, Target(), num_blocks=32)
    texts, known, rng = [random_ids(1, 45), random_ids(2, 9)], [0, 0], random.Random(3)
    for _ in range(5):
        batch: list[KeptRows] = []
        features: list[Tensor] = []
        for i, text in enumerate(texts):
            row = sum(map(len, features)) + 2  # rows of others before and after, which are not ours to read
            batch.append(kept(text, known[i], request_id=str(i), first_block=1 + 8 * i, row=row))
            features += [torch.full((2, 3 * HIDDEN), torch.nan), features_of(text[:-1], known[i])]
            known[i] = len(text) - 1
        observe(proposer, batch, torch.cat([*features, torch.full((3, 3 * HIDDEN), torch.nan)]))
        drafts = proposer.propose_all([rows.view for rows in batch], [4, 2])
        assert drafts == [reference_drafts(texts[0], 4), reference_drafts(texts[1], 2)]
        for text, found in zip(texts, drafts, strict=True):
            text += [*found[: rng.randrange(3)], rng.randrange(VOCAB)]


def test_a_chunk_of_a_prompt_brings_no_drafts_but_is_remembered(head: EagleHead) -> None:
    proposer = EagleProposer(head, Target(), num_blocks=32)
    text = random_ids(4, 50)
    rows = kept(text, 0)
    observe(proposer, [KeptRows(view=rows.view, row=0, num_rows=20, position=0)], features_of(text[:20]))
    assert proposer.propose_all([rows.view], [3]) == [[]]
    observe(proposer, [KeptRows(view=rows.view, row=0, num_rows=29, position=20)], features_of(text[:-1], 20))
    assert proposer.propose_all([rows.view], [3]) == [reference_drafts(text, 3)]


def test_blocks_of_an_earlier_request_are_known(head: EagleHead) -> None:
    """The target found 32 tokens in its cache and has no features of them; the head had computed them before."""
    text = [*random_ids(5, BLOCK_TOKENS), 1, 2, 3, 4]
    proposer = EagleProposer(head, Target(), num_blocks=32)
    observe(proposer, [kept(text, 0, request_id="before")], features_of(text[:-1]))
    proposer.forget("before")
    rows = kept(text, BLOCK_TOKENS)
    observe(proposer, [rows], features_of(text[:-1], BLOCK_TOKENS))
    assert proposer.propose_all([rows.view], [3]) == [reference_drafts(text, 3)]


@pytest.mark.parametrize("position", [BLOCK_TOKENS, BLOCK_TOKENS + 3])
def test_what_the_head_never_saw_is_left_out(head: EagleHead, position: int) -> None:
    """Another text stands in these blocks. It must not show through, and a gap may begin anywhere."""
    proposer = EagleProposer(head, Target(), num_blocks=32)
    other = random_ids(6, 44)
    observe(proposer, [kept(other, 0, request_id="other")], features_of(other[:-1]))
    text = [*random_ids(7, BLOCK_TOKENS), 1, 2, 3, 4, 5, 6]
    rows = kept(text, position)
    observe(proposer, [rows], features_of(text[:-1], position))
    assert proposer.propose_all([rows.view], [3]) == [reference_drafts(text, 3, start=position)]


def test_missed_features_mean_no_drafts(head: EagleHead) -> None:
    proposer = EagleProposer(head, Target(), num_blocks=32)
    text = random_ids(8, 10)
    observe(proposer, [kept(text, 0)], features_of(text[:-1]))
    assert proposer.propose_all([kept([*text, 1], 0).view], [3]) == [[]]
    assert proposer.propose_all([kept(text, 0, request_id="unknown").view], [3]) == [[]]
    proposer.forget("a")
    assert proposer.propose_all([kept(text, 0).view], [3]) == [[]]


def test_no_more_drafts_than_there_is_room_for(head: EagleHead) -> None:
    """The first draft needs no place of its own."""
    proposer = EagleProposer(head, Target(), num_blocks=32)
    text = random_ids(9, BLOCK_TOKENS)
    view = view_of(text, block_ids=[1])
    observe(proposer, [KeptRows(view=view, row=0, num_rows=len(text) - 1, position=0)], features_of(text[:-1]))
    assert proposer.propose_all([view], [8]) == [reference_drafts(text, 2)]


def test_the_layers_it_was_trained_on() -> None:
    assert feature_layers(32) == (2, 16, 29)


def test_an_older_file_is_read_as_well(head: EagleHead, tmp_path: Path) -> None:
    """Some heads are published as a pickle of tensors, and some bring the embedding along."""
    write(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(TENSORS | {"embed_tokens.weight": EMBEDDING}, tmp_path / "pytorch_model.bin")
    older = load_eagle_head(tmp_path, target=TARGET, embedding=torch.zeros(1, 1), max_context=256, dtype=torch.float32)
    hidden = torch.randn(3, HIDDEN)
    assert older.best_ids(hidden) == head.best_ids(hidden)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"fc.weight": torch.zeros(HIDDEN, 2 * HIDDEN)},
            r"fc.weight has shape \(32, 64\), but the head needs \(32, 96\)",
        ),
        ({"norm.weight": None}, "the tensor norm.weight is missing"),
        ({"midlayer.self_attn.q_proj.bias": torch.zeros(HIDDEN)}, "q_proj.bias that an EAGLE-3 head does not have"),
        ({"d2t": torch.full((DRAFT_VOCAB,), VOCAB)}, "d2t leads to ids that the target does not have"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, change: dict[str, Tensor | None], reason: str) -> None:
    tensors = {name: tensor for name, tensor in (TENSORS | change).items() if tensor is not None}
    with pytest.raises(CheckpointError, match=reason):
        load(write(tmp_path, tensors=tensors))


def test_a_head_for_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="made for a model of hidden size 32 and 99 ids"):
        load(write(tmp_path, vocab_size=99))
    with pytest.raises(CheckpointError, match="scaled rope"):
        load(write(tmp_path, rope_scaling={"type": "linear", "factor": 2.0}))
    write(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(CheckpointError, match="not a readable file of weights"):
        load(tmp_path)
