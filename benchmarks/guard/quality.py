"""What is flagged of each source, on texts of the dev split, and which category is named.

Harmless texts, and texts whose category is asked for, are of the half that no threshold was chosen on. Of harmful texts
all are read: what is flagged was chosen by the harmless ones.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from benchmarks.guard.figures import Figures, Section
from inference.encoders.guard import ADVICE, JAILBREAK, GuardClassifier, GuardScores
from inference.encoders.guard_training.example import Example, calibrates
from inference.encoders.guard_training.reading import excerpt

MIN_TEXTS = 5
LABELLED_ANSWERS = ("gptfuzz-harmful", "gptfuzz-refusals")
NO_CATEGORY_SOURCES = ("hatecheck", "tweets")


def scored(guard: GuardClassifier, examples: Sequence[Example]) -> list[GuardScores]:
    """Scores of each example in its own context, one at a time, as it is asked."""
    return [guard.score([e.text], role=e.role, context=e.context)[0] for e in examples]


def measuring(examples: Sequence[Example]) -> list[Example]:
    """Unseen texts with a label: all that are harmful, and the harmless ones that no threshold was chosen on."""
    return [e for e in examples if e.split == "dev" and e.unsafe is not None and (e.unsafe or not calibrates(e))]


def unsafe_scores(guard: GuardClassifier, examples: Sequence[Example]) -> list[float]:
    return [scores.categories["unsafe"] for scores in scored(guard, examples)]


def prompt_figures(guard: GuardClassifier, prompts: Sequence[Example]) -> Figures:
    """Sources of prompts: share flagged; and how well categories are named."""
    unseen = measuring(prompts)
    scores = scored(guard, unseen)
    unsafe = [row.categories["unsafe"] for row in scores]
    for_categories = [row for row, example in enumerate(unseen) if not calibrates(example)]
    return {
        "harmful prompts, share flagged": _shares(unseen, unsafe, harmful=True),
        "harmless prompts, share flagged": _shares(unseen, unsafe, harmful=False),
        "categories of prompts": _category_figures(
            [unseen[row] for row in for_categories], [scores[row] for row in for_categories]
        ),
    }


def answer_figures(guard: GuardClassifier, answers: Sequence[Example]) -> Figures:
    """Sources of answers, whole and as excerpts of 12 to 90 words."""
    rng = random.Random(0)
    whole = measuring(answers)
    cut = [replace(e, text=part) for e in whole if (part := excerpt(e.text, rng))]
    figures: Figures = {}
    for name, chosen in (("whole answers", whole), ("excerpts of answers", cut)):
        unsafe = unsafe_scores(guard, chosen)
        figures[f"harmful {name}, share flagged"] = _shares(chosen, unsafe, harmful=True)
        figures[f"harmless {name}, share flagged"] = _shares(chosen, unsafe, harmful=False)
        labelled = [row for row, e in enumerate(chosen) if e.source.startswith(LABELLED_ANSWERS) and not calibrates(e)]
        if labelled:
            labels = [bool(chosen[row].unsafe) for row in labelled]
            precision = float(average_precision_score(labels, [unsafe[row] for row in labelled]))
            figures.setdefault("labelled answers of models, average precision", {})[
                f"GPTFuzz, {name} ({len(labelled)})"
            ] = precision
    return figures


def interpreter_figures(guard: GuardClassifier, folder: Path) -> Section:
    """CyberSecEval's misuse of a code interpreter: another source that was never trained on."""
    rows = json.loads((folder / "cyberseceval" / "interpreter.json").read_text(encoding="utf-8"))
    unsafe = [guard.score([row["mutated_prompt"]], role="user")[0].categories["unsafe"] for row in rows]
    return {"CyberSecEval interpreter abuse": _share(unsafe)}


def _shares(examples: Sequence[Example], unsafe: Sequence[float], *, harmful: bool) -> Section:
    by_source: dict[str, list[float]] = {}
    for example, score in zip(examples, unsafe, strict=True):
        if example.unsafe == harmful:
            source = "contrast" if example.source.startswith("contrast/") else example.source
            by_source.setdefault(source, []).append(score)
    return {f"{source} ({len(of)})": _share(of) for source, of in sorted(by_source.items()) if len(of) >= MIN_TEXTS}


def _share(scores: Sequence[float]) -> float:
    return float(np.mean(np.array(scores) >= 0.5))


def _category_figures(examples: Sequence[Example], scores: Sequence[GuardScores]) -> Section:
    named = [
        (example.categories, row.categories)
        for example, row in zip(examples, scores, strict=True)
        if example.categories and example.unsafe and not example.source.startswith(NO_CATEGORY_SOURCES)
    ]
    slugs = sorted({slug for known, _ in named for slug in known})
    right = [_likeliest(row) in known for known, row in named]
    precision = {
        slug: float(average_precision_score([slug in known for known, _ in named], [row[slug] for _, row in named]))
        for slug in slugs
    }
    found = {
        f"likeliest one is right ({len(named)})": float(np.mean(right)),
        "average precision, mean": float(np.mean(list(precision.values()))),
        **{f"average precision, {slug}": value for slug, value in precision.items()},
    }
    return {name: round(value, 3) for name, value in found.items()}


def _likeliest(row: Mapping[str, float]) -> str:
    named = {slug: score for slug, score in row.items() if slug not in ("unsafe", ADVICE, JAILBREAK)}
    return max(named, key=named.__getitem__)
