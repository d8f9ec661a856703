"""The folder of arrays that `guard_training.distil` trains on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inference.encoders.guard import MAX_TOKENS, SHIPPED, read
from inference.encoders.guard_training.arrays import plain_views, views_of
from inference.encoders.guard_training.calibrate import Read, stretches
from inference.encoders.guard_training.example import Example
from inference.encoders.guard_training.labels import JAILBREAK
from inference.encoders.guard_training.measure import Unseen
from inference.encoders.guard_training.network import pretrained
from inference.encoders.guard_training.unlabelled_sources import unlabelled
from inference.encoders.guard_training.weights_file import save_start
from inference.encoders.tokens import Tokens

TRAINING_TOKENS = 128


def prepare(
    folder: Path,
    data: Path,
    examples: Sequence[Example],
    *,
    every: int,
    encoder: Path,
    num_epochs: int,
    groups: Sequence[tuple[str, ...]],
) -> None:
    """Writes views.npz, dev.npz, dev.json, dev_parts.npz and start.npz, of one text in `every`.

    The harm of a group of sources can be left out of a training on them (`distil --without`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    extra = unlabelled(data, list(examples))[::every]
    examples = examples[::every]
    seen = [example for example in examples if example.split == "train"]
    views = views_of(seen, extra, num_epochs, Tokens(encoder / "tokenizer.json", TRAINING_TOKENS), groups)
    views.save(folder / "views.npz")
    dev = [example for example in examples if example.split == "dev"]
    flat, starts = stretches(dev)
    of_dev = plain_views(flat, Tokens(encoder / "tokenizer.json", MAX_TOKENS))
    of_dev.save(folder / "dev.npz")
    parts, texts = read(SHIPPED), [example.text for example in flat]
    unread = np.zeros((len(flat), JAILBREAK + 1), dtype=np.float32)
    words, offensive = parts.words.logits(texts), parts.offensive.logits(texts)
    Unseen.of(Read(examples=dev, starts=starts, network=unread, words=words, offensive=offensive)).save(folder)
    rows = np.unique(np.concatenate([views.ids, of_dev.ids, np.array([0, 100, 101, 102, 103])])).astype(np.int64)
    save_start(folder / "start.npz", pretrained(encoder / "model.safetensors"), rows)
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    print(f"{folder}: {len(seen)} labelled texts and {len(extra)} without a label, {len(views.judged)} views,")
    print(f"{len(dev)} texts of dev in {len(flat)} stretches, {len(rows)} words; {size:.1f} MB")
