"""Teachers, and students that learn their opinion: from a folder of arrays to the weights of networks.

    python -m inference.encoders.guard_training.distil --prepared DIR --out DIR --device cuda --seconds 150

`train_guard --prepare DIR` writes the folder, and `train_guard --weights FILE` makes a guard of what this finds. It
needs torch, numpy and the arrays alone. Each teacher leaves out one fold of the texts; the opinion a student hears of a
labelled text is that of the teachers that have not seen it.
"""

import argparse
import json
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from inference.encoders.guard_training.arrays import NUM_FOLDS, Views
from inference.encoders.guard_training.measure import Measured, Unseen
from inference.encoders.guard_training.network import GuardNetwork
from inference.encoders.guard_training.stack import WORDS, OnDevice, Plan, Weights, predict, train
from inference.encoders.guard_training.weights_file import load_start, save_network

STUDENTS: tuple[tuple[float, float], ...] = (
    (0.0, 0.0),
    (0.5, 0.0),
    (0.5, 0.05),
    (0.7, 0.05),
    (0.9, 0.05),
    (0.7, 0.1),
)
"""For each student, the share of the teachers' opinion in its labels, and of the tokens that are hidden from it."""


def main(argv: Sequence[str] | None = None) -> None:
    options = _options(argv)
    began = time.monotonic()

    def left() -> float:
        return float(options.seconds - (time.monotonic() - began))

    options.out.mkdir(parents=True, exist_ok=True)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    start = load_start(options.prepared / "start.npz")
    views = Views.load(options.prepared / "views.npz")
    data = OnDevice(views if options.without is None else views.without(options.without), options.device)
    unseen = Unseen.load(options.prepared)
    dev = OnDevice(Views.load(options.prepared / "dev.npz"), options.device)
    of_stretch = torch.from_numpy(dev.labelled[0].astype(np.int64)).to(options.device)
    print(f"{len(data.lengths)} views, {len(dev.lengths)} stretches to measure on; {left():.0f} s left", flush=True)
    results: dict[str, Measured] = {}

    def measured(names: Sequence[str], weights: Weights) -> Tensor:
        logits = predict(weights, dev)[:, of_stretch]
        for name, own in zip(names, logits.cpu().numpy(), strict=True):
            results[name] = unseen.measured(own)
            print(f"{name:14s} {results[name].line()}", flush=True)
        _write(options.out, results)
        return logits

    opinions = None
    if options.teachers:
        opinions = _safely(lambda: _teach(start, data, options, left, measured, results, unseen))
    shares = STUDENTS if opinions is not None else ((0.0, 0.0), (0.0, 0.05), (0.0, 0.1))
    shares = shares[: options.students]
    plan = Plan(
        num_epochs=options.epochs,
        batch_size=options.batch,
        left_out=[-1] * len(shares),
        opinion=[share for share, _ in shares],
        masked=[masked for _, masked in shares],
        same_heads=True,
        average_decay=0.999,
        seconds=max(1.0, left() - options.reserve),
        seed=1000,
    )
    students = train(start, data, plan, opinions)
    names = [f"student-{number}" for number in range(len(shares))]
    measured(names, students)
    kept = {name: _one(students, number) for number, name in enumerate(names)}
    for name, some in (("soup-all", names), ("soup-taught", names[1:])):
        if len(some) > 1:
            kept[name] = {key: torch.stack([kept[one][key] for one in some]).mean(dim=0) for key in kept[names[0]]}
            measured([name], {key: value if key == WORDS else value[None] for key, value in kept[name].items()})
    best = sorted(kept, key=lambda name: -results[name].choice)
    print("best first, by the calibrating half:", best, flush=True)
    for name in best[: options.keep]:
        save_network(options.out / f"{name}.npz", kept[name], start)
    print(f"{left():.0f} s left", flush=True)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepared", type=Path, required=True, help="folder that train_guard --prepare wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--without", type=int, metavar="G", help="leave out the harm of the G-th group, from 0")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=150.0, help="in all")
    parser.add_argument("--reserve", type=float, default=15.0, help="seconds for measuring and writing")
    parser.add_argument("--teachers", type=int, default=8)
    parser.add_argument("--teacher-epochs", type=int, default=7)
    parser.add_argument("--teacher-share", type=float, default=0.45, help="of the time, at most")
    parser.add_argument("--students", type=int, default=len(STUDENTS))
    parser.add_argument("--epochs", type=int, default=16, help="of the students")
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--keep", type=int, default=4, help="networks to write")
    return parser.parse_args(argv)


def _teach(
    start: GuardNetwork,
    data: OnDevice,
    options: argparse.Namespace,
    left: Callable[[], float],
    measured: Callable[[Sequence[str], Weights], Tensor],
    results: dict[str, Measured],
    unseen: Unseen,
) -> Tensor:
    """[1, V, 31]: the mean logit of each view, of the teachers that did not learn from its text."""
    number = options.teachers
    plan = Plan(
        num_epochs=options.teacher_epochs,
        batch_size=options.batch,
        left_out=[k % NUM_FOLDS for k in range(number)],
        masked=[0.05 * (k // NUM_FOLDS % 2) for k in range(number)],
        opinion=[0.0] * number,
        seconds=left() * options.teacher_share,
    )
    teachers = train(start, data, plan)
    print(f"teachers trained, {left():.0f} s left", flush=True)
    of_dev = measured([f"teacher-{k}" for k in range(number)], teachers)
    results["teachers"] = unseen.measured(of_dev.mean(dim=0).cpu().numpy())
    print(f"{'teachers':14s} {results['teachers'].line()}", flush=True)
    best = max(range(number), key=lambda k: results[f"teacher-{k}"].choice)
    save_network(options.out / "teacher.npz", _one(teachers, best), start)
    said = predict(teachers, data)
    seen = data.folds[None] == torch.tensor(plan.left_out, device=data.device)[:, None]
    # A text without a label has been seen by nobody.
    has_label = torch.zeros(len(data.lengths), dtype=torch.bool, device=data.device)
    has_label[torch.from_numpy(np.unique(data.labelled)).to(data.device)] = True
    counts = torch.where(has_label[None], seen, torch.ones_like(seen)).float()[:, :, None]
    counts = torch.where(counts.sum(dim=0, keepdim=True) > 0, counts, torch.ones_like(counts))
    opinion = (said * counts).sum(dim=0, keepdim=True) / counts.sum(dim=0, keepdim=True)
    print(f"opinions heard, {left():.0f} s left", flush=True)
    return opinion


def _safely(part: Callable[[], Tensor]) -> Tensor | None:
    """Students without teachers are better than nothing."""
    try:
        return part()
    except Exception:  # what fails on a device is not known beforehand
        traceback.print_exc()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None


def _one(weights: Weights, number: int) -> Weights:
    return {name: value if name == WORDS else value[number] for name, value in weights.items()}


def _write(folder: Path, results: dict[str, Measured]) -> None:
    table = {name: result.figures for name, result in results.items()}
    (folder / "figures.json").write_text(json.dumps(table, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
