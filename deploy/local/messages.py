"""`make messages`: finds every text of the interface and brings the catalogues below webapp/locale in step with them.

New texts come in untranslated, those that are gone leave, all others keep their translation. No gettext tools are
needed: templates are read by Django, Python and scripts by Babel. A test fails while a text has no translation.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from deploy.local.translations import LOCALE

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = ("assistant", "webapp")
LANGUAGES = ("ar", "de", "es")
DOMAINS = ("django", "djangojs")
LINE_CHARS = 120
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
"""A date that stays, so that a run that finds nothing new changes nothing."""
PLURALS: Final[Mapping[str, str]] = {
    "ar": "nplurals=6; plural="
    "n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5;",
    "de": "nplurals=2; plural=(n != 1);",
    "es": "nplurals=2; plural=(n != 1);",
}
"""As the language's other catalogues have it: zero, one, two, few, many, other in Arabic."""
KEYWORDS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}


def update(domain: str, language: str, template: Catalog) -> Catalog:
    """The catalogue of a language with exactly the texts of `template`."""
    catalogue = load(domain, language)
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.revision_date = SINCE
    return catalogue


def load(domain: str, language: str) -> Catalog:
    """What there is of a language; an empty catalogue if there is nothing yet."""
    path = path_of(domain, language)
    if not path.is_file():
        return _empty(domain, language)
    with path.open("rb") as source:
        return read_po(source, locale=language, domain=domain, abort_invalid=True)


def save(domain: str, language: str, catalogue: Catalog) -> None:
    """Without line numbers, which would change with every edit of the code."""
    path = path_of(domain, language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as target:
        write_po(target, catalogue, width=LINE_CHARS, include_lineno=False, ignore_obsolete=True)


def path_of(domain: str, language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{domain}.po"


def texts(domain: str) -> Catalog:
    """Every text of the code: of templates and Python ("django"), or of scripts ("djangojs")."""
    found = _empty(domain)
    for path, method, source in _sources(domain):
        for _line, message, comments, context in extract(method, BytesIO(source), KEYWORDS, ["Translators:"]):
            place = str(path.relative_to(PROJECT))
            found.add(message, locations=[(place, 0)], auto_comments=comments, context=context)
    return found


def _empty(domain: str, language: str | None = None) -> Catalog:
    catalogue = Catalog(
        language,
        domain=domain,
        header_comment="# The texts of Cria.",
        project="Cria",
        version="1",
        msgid_bugs_address="-",
        last_translator="-",
        language_team="-",
        creation_date=SINCE,
        revision_date=SINCE,
        fuzzy=False,
    )
    if language:
        catalogue.mime_headers = [("Plural-Forms", PLURALS[language])]
    return catalogue


def is_translated(message: Message) -> bool:
    """In all its plural forms."""
    forms = message.string if isinstance(message.string, list | tuple) else [message.string]
    return bool(forms) and all(forms)


def _sources(domain: str) -> Iterator[tuple[Path, str, bytes]]:
    if domain == "djangojs":
        yield from _files({".js"}, "javascript", Path.read_bytes)
        return
    yield from _files({".py"}, "python", Path.read_bytes)
    yield from _files({".html", ".txt"}, "python", _as_python)


def _files(suffixes: Collection[str], method: str, read: Callable[[Path], bytes]) -> Iterator[tuple[Path, str, bytes]]:
    for folder in FOLDERS:
        for path in sorted((PROJECT / folder).rglob("*")):
            is_ours = "migrations" not in path.parts and (path.suffix != ".txt" or "templates" in path.parts)
            if path.suffix in suffixes and is_ours:
                yield path, method, read(path)


def _as_python(path: Path) -> bytes:
    """A template as calls of gettext between blotted-out words. Indented as it is, it would not be Python."""
    return "\n".join(line.lstrip() for line in templatize(path.read_text()).splitlines()).encode()


def main() -> None:
    for domain in DOMAINS:
        template = texts(domain)
        for language in LANGUAGES:
            catalogue = update(domain, language, template)
            save(domain, language, catalogue)
            missing = sum(not is_translated(message) for message in catalogue if message.id)
            print(f"{language} {domain:<8} {len(catalogue)} texts, {missing} to translate")


if __name__ == "__main__":
    main()
