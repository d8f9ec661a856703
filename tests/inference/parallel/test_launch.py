"""What cannot be shared is refused before a process is started; orders survive the pipe."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inference.config import EngineConfig
from inference.errors import CheckpointError, RankLost
from inference.parallel.follower import Orders
from inference.parallel.launch import Followers
from inference.parallel.load import check_ranks
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import HEADS, KV_HEADS, make_tiny_llama, write_hf

TWO = EngineConfig(dtype="float32", num_threads=1, num_ranks=2, kv_bytes=1 << 20)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return open_checkpoint(str(write_hf(tmp_path_factory.mktemp("shared") / "tiny", make_tiny_llama(is_scaled=False))))


def no_rank_is_lost(error: RankLost) -> None:
    raise AssertionError(error)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"num_ranks": 3}, f"{HEADS} heads and an MLP of 192 do not divide among 3 ranks"),
        ({"kernels": "native"}, "the native kernels cannot run it"),
        ({"kv_dtype": "fp8"}, "keys and values in fp8"),
        ({"device": "cuda:0"}, "each rank has a GPU of its own"),
        ({"max_context": 8192}, "a context of 8192 tokens was asked for"),
    ],
)
def test_what_cannot_be_shared_is_refused_by_name(
    checkpoint: Checkpoint, change: dict[str, object], reason: str
) -> None:
    followers = Followers(on_lost=no_rank_is_lost)
    with pytest.raises(CheckpointError, match=reason):
        followers.start(checkpoint, replace(TWO, **change))  # type: ignore[arg-type] # one field each
    assert followers.has_left
    followers.kill()


@pytest.mark.skipif(torch.cuda.device_count() > 1, reason="this machine has two GPUs")
def test_every_rank_needs_a_gpu(checkpoint: Checkpoint) -> None:
    followers = Followers(on_lost=no_rank_is_lost)
    with pytest.raises(CheckpointError, match="2 ranks need a GPU each, and there are"):
        followers.start(checkpoint, replace(TWO, device="cuda"))
    followers.kill()


def test_none_is_started_by_a_server_that_goes_down(checkpoint: Checkpoint) -> None:
    """A signal may come while the first files are read."""
    followers = Followers(on_lost=no_rank_is_lost)
    followers.kill()
    with pytest.raises(RankLost):
        followers.start(checkpoint, TWO)
    followers.dismiss()
    assert followers.has_left


def test_ranks_have_room_for_more_context(checkpoint: Checkpoint) -> None:
    """Each keeps the keys and values of its own heads: half of eight."""
    assert KV_HEADS == 8
    room = [check_ranks(checkpoint, replace(TWO, num_ranks=number))[1] for number in (1, 2, 4)]
    assert room[1] == 2 * room[0]
    assert room[2] == 4 * room[0]


def test_orders_are_one_line(tmp_path: Path) -> None:
    orders = Orders(model="a model\n", config=TWO, meeting=str(tmp_path / "meeting"), rank=1)
    line = orders.to_line()
    assert line.index("\n") == len(line) - 1
    assert Orders.from_line(line) == orders
