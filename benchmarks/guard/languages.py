"""Whether the guard notices that it does not know a language: on the sentences that Django ships in many languages."""

import re
from collections.abc import Sequence
from pathlib import Path

import django

from benchmarks.guard.figures import Section
from inference.encoders.guard_training.example import Example
from inference.encoders.language import language_of
from inference.encoders.tokens import Tokens

LANGUAGES = ("ar", "cs", "de", "el", "es", "fr", "hi", "id", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "tr", "vi")
MIN_WORDS = 5

_ENTRY = re.compile(r'^msgstr(?:\[0\])? ((?:"[^\n]*"\n)+)', re.MULTILINE)
_MARKUP = re.compile(r"%\(?\w*\)?s?|\\n|<[^>]+>|&\w+;")


def language_figures(prompts: Sequence[Example], tokens: Tokens) -> Section:
    """Share taken for English: of sentences in other languages, and of English prompts."""
    found = {}
    for code in LANGUAGES:
        texts = translations(code)
        found[f"{code} ({len(texts)})"] = _share_english(texts, tokens)
    for source in ("arena-hard", "contrast", "wildguard-benign"):
        texts = [e.text for e in prompts if e.split == "dev" and e.source.startswith(source) and not e.context]
        found[f"English, {source} ({len(texts)})"] = _share_english(texts, tokens)
    return found


def translations(code: str) -> list[str]:
    """Sentences of at least five words."""
    root = Path(django.__file__).parent
    texts = []
    for path in sorted(root.glob(f"**/locale/{code}/LC_MESSAGES/django.po")):
        for entry in _ENTRY.finditer(path.read_text(encoding="utf-8")):
            text = _MARKUP.sub(" ", "".join(re.findall(r'"(.*)"', entry[1])))
            # The first entry of a file is its header.
            if len(text.split()) >= MIN_WORDS and "Content-Type" not in text:
                texts.append(text)
    return texts


def _share_english(texts: Sequence[str], tokens: Tokens) -> float:
    return round(sum(language_of(text, tokens.knows) == "en" for text in texts) / max(len(texts), 1), 3)
