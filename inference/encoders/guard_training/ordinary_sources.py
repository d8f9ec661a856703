"""The public sets of ordinary prompts, and of what models answered."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from inference.encoders.guard_training.example import Example, Split, split_of
from inference.encoders.guard_training.files import harmless, lines, rows


def _benign_near_boundary(folder: Path) -> Iterator[Example]:
    for row in json.loads((folder / "notinject" / "wildguard_benign.json").read_text(encoding="utf-8")):
        yield harmless(row["prompt"], "wildguard-benign")


def _task_text(row: Mapping[str, Any]) -> str:
    given = row["instances"][0]["input"]
    return f"{row['instruction']}\n\n{given}" if given else str(row["instruction"])


def _benign_tasks(folder: Path) -> Iterator[Example]:
    benign = folder / "benign"
    for name in ("self_instruct_seed_tasks", "self_instruct_user_oriented"):
        for row in lines(benign / f"{name}.jsonl"):
            text = _task_text(row)
            yield harmless(text, "self-instruct", split=split_of(text, 0.5))
    for name in ("mt_bench_question", "vicuna_bench_question"):
        for row in lines(benign / f"{name}.jsonl"):
            for turn in row["turns"]:
                yield harmless(turn, name, split="train")
    for row in lines(benign / "arena_hard_v0.1_question.jsonl"):
        # Real people's requests, never trained on: half of them choose the thresholds, half measure the false alarms.
        yield harmless(row["turns"][0]["content"], "arena-hard", split="dev")


def _benign_maths(folder: Path) -> Iterator[Example]:
    table = json.loads((folder / "benign" / "gsm8k_train.json").read_text(encoding="utf-8"))
    for row in table[::15]:
        yield harmless(row["instruction"], "gsm8k", split=split_of(row["instruction"], 0.5))


def _benign_code(folder: Path) -> Iterator[Example]:
    table = json.loads((folder / "cyberseceval" / "instruct-v2.json").read_text(encoding="utf-8"))
    for row in table[::4]:
        yield harmless(row["test_case_prompt"], "coding-tasks")


def _benign_source_text(folder: Path) -> Iterator[Example]:
    """Code as people paste it: beginnings of functions from public repositories."""
    table = json.loads((folder / "cyberseceval" / "autocomplete.json").read_text(encoding="utf-8"))
    for row in table[::3]:
        yield harmless(row["origin_code"], "code")


def _gptfuzz_responses(folder: Path) -> Iterator[Example]:
    questions = [row["text"] for row in rows(folder / "gptfuzz" / "question_list.csv")]
    files: Mapping[str, Split] = {"responses_train.csv": "train", "responses_evaluate.csv": "dev"}
    for name, split in files.items():
        for row in rows(folder / "gptfuzz" / name):
            unsafe = row["label"] == "1"
            if _mostly_ascii(row["Response"]):
                yield Example(
                    text=row["Response"],
                    source="gptfuzz-harmful" if unsafe else "gptfuzz-refusals",
                    split=split,
                    unsafe=unsafe,
                    categories=None if unsafe else frozenset[str](),
                    role="assistant",
                    context=questions[int(row["question"])],
                )


def _mostly_ascii(text: str) -> bool:
    return sum(char.isascii() for char in text) > 0.9 * len(text)


def _hh_responses(folder: Path) -> Iterator[Example]:
    """The reply that people judged less harmful, to prompts that provoke: mostly harmless, hence the low weight."""
    with gzip.open(folder / "hh_rlhf" / "harmless-base_test.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            talk, _, reply = json.loads(line)["chosen"].rpartition("\n\nAssistant:")
            asked = talk.rpartition("\n\nHuman:")[2].strip()
            yield _answer(reply.strip(), "hh-chosen", asked, split_of(asked), weight=0.5)


def _answer(text: str, source: str, asked: str, split: Split, weight: float = 1.0) -> Example:
    return replace(harmless(text, source, split=split, weight=weight), role="assistant", context=asked)


def _benign_responses(folder: Path) -> Iterator[Example]:
    benign = folder / "benign"
    for name in ("self_instruct_seed_tasks", "self_instruct_user_oriented"):
        for row in lines(benign / f"{name}.jsonl"):
            # Split as the question is.
            asked = _task_text(row)
            for instance in row["instances"]:
                yield _answer(str(instance["output"]), "self-instruct-answers", asked, split_of(asked, 0.5))
    table = json.loads((benign / "gsm8k_train.json").read_text(encoding="utf-8"))
    for row in table[::15]:
        yield _answer(row["output"], "gsm8k-answers", row["instruction"], split_of(row["instruction"], 0.5))
    for path in sorted((folder / "bipia").glob("email_*.jsonl")):
        for row in lines(path):
            yield _answer(row["context"], "e-mails", "", split_of(row["context"]))


_Source = Callable[[Path], Iterator[Example]]

ORDINARY_SOURCES: tuple[_Source, ...] = (
    _benign_near_boundary,
    _benign_tasks,
    _benign_maths,
    _benign_code,
    _benign_source_text,
)
ANSWER_SOURCES: tuple[_Source, ...] = (_gptfuzz_responses, _hh_responses, _benign_responses)
