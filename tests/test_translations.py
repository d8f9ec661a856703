"""Every text of the interface is there in every language, with what it must hold."""

import ast
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message

from deploy.local.messages import (
    DOMAINS,
    FOLDERS,
    KEYWORDS,
    LANGUAGES,
    PLURALS,
    PROJECT,
    is_translated,
    load,
    save,
    texts,
    update,
)
from deploy.local.translations import compile_catalogues

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|</?\w+[^>]*>")
both = pytest.mark.parametrize(
    ("domain", "language"), [(domain, language) for domain in DOMAINS for language in LANGUAGES]
)


@pytest.fixture(scope="module")
def of_the_code() -> dict[str, Catalog]:
    return {domain: texts(domain) for domain in DOMAINS}


@both
def test_the_catalogues_have_the_texts_of_the_code(domain: str, language: str, of_the_code: dict[str, Catalog]) -> None:
    """`make messages` was run after the last change of a text."""
    kept = keys(load(domain, language))
    wanted = keys(of_the_code[domain])
    assert sorted(wanted - kept) == [], "run `make messages`"
    assert sorted(kept - wanted) == [], "run `make messages`"


def test_no_text_hides_in_another() -> None:
    """What is asked for within an f-string is not found by whatever reads the code, and so never translated."""
    hidden = [
        f"{path.relative_to(PROJECT)}:{call.lineno}"
        for folder in FOLDERS
        for path in (PROJECT / folder).rglob("*.py")
        for string in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(string, ast.JoinedStr)
        for call in ast.walk(string)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KEYWORDS
    ]
    assert hidden == []


@both
def test_every_text_is_translated(domain: str, language: str) -> None:
    assert [message.id for message in of(load(domain, language)) if not is_translated(message)] == []


@both
def test_no_translation_is_a_guess(domain: str, language: str) -> None:
    assert [message.id for message in of(load(domain, language)) if message.fuzzy] == []


@both
def test_placeholders_and_markup_are_those_of_the_text(domain: str, language: str) -> None:
    """A missing one loses a name or a link; another one breaks the page."""
    assert [wrong for message in of(load(domain, language)) for wrong in wrong_forms(message)] == []


@both
def test_the_plural_forms_are_the_languages_own(domain: str, language: str) -> None:
    """Six in Arabic, in the order that Django and translators know."""
    assert dict(load(domain, language).mime_headers)["Plural-Forms"] == PLURALS[language]


def test_texts_are_found_in_all_the_places_they_stand() -> None:
    """Templates, Python and, under the mark for texts of the assistant, plain Python without Django."""
    found = keys(texts("django"))
    assert "Skip to content" in found
    assert "This chat does not exist." in found
    assert "The library cannot be searched right now." in found
    assert "%(count)s memory | %(count)s memories" in found
    assert "Answer started" in keys(texts("djangojs"))


def test_updating_keeps_translations_and_drops_what_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.messages.LOCALE", tmp_path)
    catalogue = load("django", "de")
    catalogue.add("Kept", "Bleibt")
    catalogue.add("Gone", "Weg")
    save("django", "de", catalogue)
    template = Catalog()
    template.add("Kept")
    template.add("New")
    save("django", "de", update("django", "de", template))
    assert {message.id: message.string for message in of(load("django", "de"))} == {"Kept": "Bleibt", "New": ""}


def test_a_catalogue_is_compiled_once(tmp_path: Path) -> None:
    """And again when somebody has changed it."""
    path = tmp_path / "de" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    path.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Save"\nmsgstr "Speichern"\n'
    )
    assert compile_catalogues(tmp_path) == 1
    assert b"Speichern" in path.with_suffix(".mo").read_bytes()
    assert compile_catalogues(tmp_path) == 0
    later = path.with_suffix(".mo").stat().st_mtime + 1
    os.utime(path, (later, later))
    assert compile_catalogues(tmp_path) == 1
    assert [made.name for made in path.parent.iterdir() if made.suffix == ".mo"] == ["django.mo"]


@pytest.mark.parametrize(
    ("text", "translated", "is_wrong"),
    [
        ("Hello %(name)s", "Hallo %(name)s", False),
        ("Hello %(name)s", "Hallo", True),
        ("Hello", "Hallo %(name)s", True),
        ("<p>Hello</p>", "<p>Hallo</p>", False),
        ("<p>Hello</p>", "Hallo", True),
        (("%(n)s day", "%(n)s days"), ("ein Tag", "%(n)s Tage"), False),
        (("%(n)s day", "%(n)s days"), ("ein Tag", "Tage"), True),
    ],
)
def test_the_check_of_placeholders_sees_what_is_wrong(
    text: str | tuple[str, str], translated: str | tuple[str, str], is_wrong: bool
) -> None:
    assert bool(list(wrong_forms(Message(text, translated)))) is is_wrong


def of(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def keys(catalogue: Catalog) -> set[str]:
    """One for each text: its context, if it has one, and both forms of a plural."""
    return {" | ".join(filter(None, (message.context, *forms(message.id)))) for message in of(catalogue)}


def forms(text: str | Sequence[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or ())


def wrong_forms(message: Message) -> Iterator[str]:
    """Translations with other placeholders than the text. Small numbers may be words: “one day”, “two days”."""
    if not is_translated(message):
        return
    *others, last = forms(message.string)
    wanted = sorted(PLACEHOLDER.findall(forms(message.id)[-1]))
    if sorted(PLACEHOLDER.findall(last)) != wanted:
        yield last
    yield from (form for form in others if not set(PLACEHOLDER.findall(form)) <= set(wanted))
