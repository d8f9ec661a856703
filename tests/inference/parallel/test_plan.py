"""What each rank has, together, is the model; and a rank reads no more than that, whatever the files' own shards."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inference.errors import CheckpointError
from inference.parallel.plan import Plan
from inference.parallel.weights import checkpoint_of_rank
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import FORMATS, HEAD_DIM, KV_HEADS, make_tiny_llama, write_gguf, write_meta


def ranks_of(checkpoint: Checkpoint, num_ranks: int) -> list[Checkpoint]:
    plans = [Plan(shape=checkpoint.shape, num_ranks=num_ranks, rank=rank) for rank in range(num_ranks)]
    return [checkpoint_of_rank(checkpoint, plan) for plan in plans]


@pytest.mark.parametrize("num_ranks", [1, 2, 4, 8])
@pytest.mark.parametrize("kind", FORMATS)
def test_parts_of_all_ranks_are_the_whole(tiny_paths: dict[str, Path], kind: str, num_ranks: int) -> None:
    """From 8 shards of Meta to any number of ranks, and likewise from the other forms."""
    checkpoint = open_checkpoint(str(tiny_paths[kind]))
    ranks = ranks_of(checkpoint, num_ranks)
    for name, shape in checkpoint.shape.tensor_shapes().items():
        whole, parts = checkpoint.weights.tensor(name), [rank.weights.tensor(name) for rank in ranks]
        split = [axis for axis in range(len(shape)) if parts[0].shape[axis] != shape[axis]]
        if not split:
            assert all(torch.equal(part, whole) for part in parts)
            continue
        assert torch.equal(torch.cat(parts, dim=split[0]), whole), name


def test_a_rank_reads_only_its_share(tiny_paths: dict[str, Path]) -> None:
    """All but norms and the embedding is divided."""
    checkpoint = open_checkpoint(str(tiny_paths["meta-8"]))
    sizes = {name: stored.num_bytes for name, stored in checkpoint.weights.stored().items()}
    for rank in ranks_of(checkpoint, 4):
        for name, stored in rank.weights.stored().items():
            is_whole = name == "embedding" or name.endswith("norm")
            assert stored.num_bytes == sizes[name] // (1 if is_whole else 4), name


def test_more_ranks_than_key_value_heads_share_them(tiny_paths: dict[str, Path]) -> None:
    """16 ranks and 8 heads for keys: two ranks have the same one, which is the one their queries look at."""
    checkpoint = open_checkpoint(str(tiny_paths["meta-8"]))
    whole = checkpoint.weights.tensor("layers.0.k")
    for number, rank in enumerate(ranks_of(checkpoint, 2 * KV_HEADS)):
        head = number // 2
        assert (rank.shape.num_heads, rank.shape.num_kv_heads) == (1, 1)
        assert torch.equal(rank.weights.tensor("layers.0.k"), whole[head * HEAD_DIM : (head + 1) * HEAD_DIM])


def test_a_tied_head_is_split_though_the_embedding_is_not(tmp_path: Path) -> None:
    """Every rank looks up every word, but computes the logits of its own words only."""
    tiny = make_tiny_llama(is_scaled=False, is_tied=True)
    checkpoint = open_checkpoint(str(write_meta(tmp_path / "meta", tiny, num_shards=2)))
    embedding = checkpoint.weights.tensor("embedding")
    ranks = ranks_of(checkpoint, 4)
    assert torch.equal(torch.cat([rank.weights.tensor("head") for rank in ranks]), embedding)
    assert all(torch.equal(rank.weights.tensor("embedding"), embedding) for rank in ranks)


def test_words_that_do_not_divide_are_all_there(tiny_paths: dict[str, Path]) -> None:
    """A fine-tuned model may have one word more than a round number."""
    shape = replace(open_checkpoint(str(tiny_paths["hf"])).shape, vocab_size=513)
    plans = [Plan(shape=shape, num_ranks=4, rank=rank) for rank in range(4)]
    assert [word for plan in plans for word in plan.words] == list(range(513))
    assert max(len(plan.words) for plan in plans) == plans[0].most_words == 129


def test_four_bit_parts_stay_four_bit(tmp_path: Path) -> None:
    from gguf.constants import GGMLQuantizationType as Type

    checkpoint = open_checkpoint(str(write_gguf(tmp_path / "t.gguf", make_tiny_llama(is_scaled=False), Type.Q4_1)))
    for rank in ranks_of(checkpoint, 2):
        assert all(rank.weights.packed(f"layers.0.{name}") for name in ("q", "k", "v", "o", "gate", "up", "down"))


@pytest.mark.parametrize("num_ranks", [3, 5, 32])
def test_a_model_that_cannot_be_cut_so_is_refused(tiny_paths: dict[str, Path], num_ranks: int) -> None:
    """16 heads do not divide among 3."""
    with pytest.raises(ValueError, match="do not divide among"):
        ranks_of(open_checkpoint(str(tiny_paths["hf"])), num_ranks)


def test_the_refusal_names_the_model(tiny_paths: dict[str, Path]) -> None:
    from inference.parallel.llama import load_tensor_parallel
    from inference.parallel.ranks import Ranks

    alone = Ranks(rank=0, num_ranks=3, device="cpu")
    with pytest.raises(CheckpointError, match="hf: 16 heads"):
        load_tensor_parallel(open_checkpoint(str(tiny_paths["hf"])), alone, dtype="float32", max_context=64)
