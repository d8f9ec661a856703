"""Loading holds the model and a little more, never the files besides."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from tests.inference.checkpoints import PROJECT_ROOT, make_tiny_llama, write_meta

MIB = 1 << 20
HIDDEN, LAYERS, MLP, VOCAB, SHARDS = 512, 16, 2048, 4096, 8
PROGRAM = """
    import sys, threading, time
    import torch
    torch.set_num_threads(1)
    from inference.model.llama import load_model
    from inference.weights.open import open_checkpoint

    def anonymous() -> int:
        # What the process allocated. Mapped pages of files are not in it: the system takes them back when it needs to.
        lines = open("/proc/self/status").read().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon"))

    def watch() -> None:
        while True:
            peak[0] = max(peak[0], anonymous())
            time.sleep(0.0005)

    load_model(open_checkpoint(sys.argv[3]), dtype="bfloat16", max_context=64)  # what is allocated once for all
    before = anonymous()
    peak = [before]
    threading.Thread(target=watch, daemon=True).start()
    checkpoint = open_checkpoint(sys.argv[1])
    if sys.argv[2] == "read":
        for name in checkpoint.weights.shapes():
            checkpoint.weights.tensor(name, torch.bfloat16)
    else:
        model = load_model(checkpoint, dtype="bfloat16", max_context=64)
    peak[0] = max(peak[0], anonymous())
    print(peak[0] - before)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight shards of 17 MiB."""
    folder = tmp_path_factory.mktemp("large") / "meta"
    folder.mkdir()
    ends = ("tok_embeddings.weight", "output.weight")
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(ends, (VOCAB // SHARDS, HIDDEN))
    for i in range(LAYERS):
        shapes |= {f"layers.{i}.attention.{name}.weight": (HIDDEN // SHARDS, HIDDEN) for name in ("wq", "wk", "wv")}
        shapes |= {f"layers.{i}.attention.wo.weight": (HIDDEN, HIDDEN // SHARDS)}
        shapes |= {f"layers.{i}.feed_forward.{name}.weight": (MLP // SHARDS, HIDDEN) for name in ("w1", "w3")}
        shapes |= {f"layers.{i}.feed_forward.w2.weight": (HIDDEN, MLP // SHARDS)}
        shapes |= {f"layers.{i}.{name}.weight": (HIDDEN,) for name in ("attention_norm", "ffn_norm")}
    shapes["norm.weight"] = (HIDDEN,)
    for shard in range(SHARDS):
        tensors = {name: torch.ones(shape, dtype=torch.bfloat16) for name, shape in shapes.items()}
        torch.save(tensors, folder / f"consolidated.{shard:02}.pth")
    params = {"dim": HIDDEN, "n_layers": LAYERS, "n_heads": 8, "n_kv_heads": 8, "norm_eps": 1e-5}
    (folder / "params.json").write_text(json.dumps(params))
    (folder / "tokenizer.model").write_text("\n".join(_byte_lines()))
    return folder


def _byte_lines() -> list[str]:
    import base64

    return [f"{base64.b64encode(bytes([byte])).decode()} {byte}" for byte in range(256)]


def extra_bytes(folder: Path, mode: str) -> int:
    """The peak of what a fresh process allocates for it."""
    small = folder.parent / "small"
    if not small.exists():
        write_meta(small, make_tiny_llama(is_scaled=False))
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(folder), mode, str(small)]
    # Memory that is given back leaves the process at once, and is not kept for later by the C library.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_reading_every_tensor_holds_less_than_one_shard(folder: Path) -> None:
    """Each tensor is joined from mapped slices and let go."""
    shard_bytes = (folder / "consolidated.00.pth").stat().st_size
    assert shard_bytes > 16 * MIB, "a small shard would make this test vacuous"
    assert extra_bytes(folder, "read") < shard_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_loaded_model_never_needed_more_than_one_shard_extra(folder: Path) -> None:
    """The whole model plus one shard is the bound, whatever the number of shards."""
    sizes = [file.stat().st_size for file in folder.glob("*.pth")]
    assert extra_bytes(folder, "load") < sum(sizes) + max(sizes)
