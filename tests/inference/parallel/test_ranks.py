"""Two processes compute what one computes."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.model.all_logits import all_logits
from inference.model.llama import load_model
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import PROJECT_ROOT, make_reciting_llama, make_tiny_llama, write_hf, write_meta
from tests.inference.parallel.rank_program import NUM_PROMPT

# Two ranks add the same products in another order: one unit in the last place (6e-8) here and there, in the two sums of
# each layer, and grown by the norms after them. Of all logits here the worst differs by 6e-6 of their spread, the
# average by 7e-7. A head or a column in the wrong place would be off by about the spread itself.
TOLERANCE = 1e-5


def torchrun(num_ranks: int, *command: str) -> str:
    launch = ("torch.distributed.run", "--standalone", "--nproc-per-node", str(num_ranks))
    arguments = [sys.executable, "-m", *launch, "-m", *command]
    done = subprocess.run(arguments, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """What so many ranks made of a model: logits of its text, and a greedy continuation."""

    folder: Path
    by_ranks: Mapping[int, Mapping[str, Any]]


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[bool, Computed]:
    """Of a model without and with tied embeddings, in eight shards of Meta. Starting ranks is what takes long."""
    place = tmp_path_factory.mktemp("ranks")
    folders = [
        write_meta(place / f"meta-{is_tied}", make_tiny_llama(is_scaled=True, is_tied=is_tied), num_shards=8)
        for is_tied in (False, True)
    ]
    results = {}
    for num_ranks in (1, 2):
        target = place / f"{num_ranks}.pt"
        torchrun(num_ranks, "tests.inference.parallel.rank_program", *map(str, folders), str(target))
        results[num_ranks] = torch.load(target)
    return {
        is_tied: Computed(folder=folder, by_ranks={n: results[n][i] for n in results})
        for i, (is_tied, folder) in enumerate(zip((False, True), folders, strict=True))
    }


@pytest.mark.parametrize("is_tied", [False, True], ids=["head", "tied"])
def test_two_ranks_compute_the_logits_and_the_text_of_one(computed: Mapping[bool, Computed], is_tied: bool) -> None:
    """Eight shards of Meta on two ranks; prefill over two attention tiles, and decode."""
    one, two = (computed[is_tied].by_ranks[num_ranks] for num_ranks in (1, 2))
    assert one["logits"].shape == two["logits"].shape == (NUM_PROMPT, 512)
    assert (one["logits"] - two["logits"]).abs().max() < TOLERANCE * one["logits"].std()
    assert one["greedy"] == two["greedy"]
    generator = torch.Generator().manual_seed(5)
    token_ids = torch.randint(0, 512, (NUM_PROMPT,), generator=generator).tolist()
    plain = load_model(open_checkpoint(str(computed[is_tied].folder)), dtype="float32", max_context=512)
    assert torch.equal(all_logits(plain, token_ids), one["logits"]), "one rank is the plain model"


def test_the_engine_runs_on_two_ranks(tmp_path: Path) -> None:
    """The command: scheduling and sampling on rank 0, nothing but the reply on the terminal."""
    folder = write_hf(tmp_path / "model", make_reciting_llama(after="\n", text="Hi you!"))
    options = ["--prompt", "Hello", "--dtype", "float32", "--kv-gib", "0.05"]
    assert torchrun(2, "inference.parallel", str(folder), *options) == "Hi you!\n"
