"""`python -m benchmarks.injection FOLDER`: what the rules against injected orders find, and what they wrongly flag.

FOLDER holds the attacks and e-mails of BIPIA (github.com/microsoft/BIPIA). Each attack is put into a harmless e-mail,
as it would come. The rules were written with the `train` files at hand; the `test` files are the measure.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from assistant.safety.injection import FLAGGED_AT, suspicion
from retrieval.passages import split_passages

LIBRARY = Path(__file__).parents[1] / "webapp" / "library" / "sample"
ATTACKS = ("text_attack_train.json", "text_attack_test.json", "code_attack_test.json")
EMAILS = ("email_train.jsonl", "email_test.jsonl")


def passages_of(text: str, title: str) -> list[str]:
    return [passage.text for passage in split_passages(text, title=title)]


def flagged(texts: Iterable[str]) -> list[bool]:
    return [suspicion(text) >= FLAGGED_AT for text in texts]


def emails(folder: Path) -> list[str]:
    return [json.loads(line)["context"] for name in EMAILS for line in (folder / name).read_text().splitlines()]


def _say(name: str, found: Sequence[bool]) -> None:
    print(f"{name:<64} {sum(found):>4} of {len(found):<4} {sum(found) / len(found):6.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    missing = [name for name in (*ATTACKS, *EMAILS) if not (folder / name).is_file()]
    if missing:
        parser.error(f"{folder} has no {missing[0]}")
    harmless = emails(folder)
    print(f"flagged from {FLAGGED_AT} on\n")
    for name in ATTACKS:
        kinds: dict[str, list[str]] = json.loads((folder / name).read_text())
        everything: list[bool] = []
        for number, (kind, attacks) in enumerate(kinds.items()):
            found = flagged(f"{harmless[(number * 5 + i) % len(harmless)]}\n\n{a}" for i, a in enumerate(attacks))
            everything += found
            _say(f"  {name.partition('.')[0]}: {kind}", found)
        _say(f"{name}, together", everything)
    print()
    _say("harmless e-mails", flagged(harmless))
    library = [part for path in sorted(LIBRARY.glob("*.md")) for part in passages_of(path.read_text(), path.stem)]
    _say("passages of the sample library", flagged(library))


if __name__ == "__main__":
    main()
