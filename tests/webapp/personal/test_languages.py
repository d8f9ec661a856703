"""Numbers, dates and plural forms are right in each language, on pages, in scripts and in what a worker tells."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import timezone, translation
from django.utils.translation import ngettext

from assistant.safety.code_badges import CodeBadge, FoundLine, translated
from webapp.accounts.models import User
from webapp.accounts.services.language import language_of
from webapp.chat.errors import NotFound
from webapp.chat.services.endings import error_event
from webapp.personal.services.preferences import change

TEMPLATES = Path(__file__).parents[3] / "webapp/templates"


@pytest.mark.parametrize(
    ("num", "said"),
    [
        (0, "لا معلومات محفوظة"),
        (1, "معلومة واحدة محفوظة"),
        (2, "معلومتان محفوظتان"),
        (3, "3 معلومات محفوظة"),
        (11, "11 معلومة محفوظة"),
        (100, "100 معلومة محفوظة"),
    ],
)
def test_arabic_has_its_six_forms(num: int, said: str) -> None:
    with translation.override("ar"):
        assert ngettext("%(count)s memory", "%(count)s memories", num) % {"count": num} == said


def test_no_page_of_people_fixes_the_order_of_a_date() -> None:
    """Day, month and year stand differently in each language. `c` is for programs."""
    pages = [*TEMPLATES.rglob("*.html"), TEMPLATES.parent / "experiments/templates/experiments/report.html"]
    formats = {found for page in pages for found in re.findall(r"""\|date:["']([^"']*)["']""", page.read_text())}
    assert {name for name in formats if not name.endswith("_FORMAT")} == {"c", "T"}


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Nov. 27, 2026, 12:30 p.m. (NZDT)"),
        ("de", "27. November 2026 12:30 (NZDT)"),
        ("es", "27 de noviembre de 2026 a las 12:30 (NZDT)"),
    ],
)
def test_a_moment_names_its_zone(language: str, said: str) -> None:
    page = Template("{% load times %}{{ at|moment }}")
    with translation.override(language), timezone.override("Pacific/Auckland"):
        assert page.render(Context({"at": datetime(2026, 11, 26, 23, 30, tzinfo=UTC)})) == said


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Nov. 26, 2026"), ("de", "26. November 2026"), ("es", "26 de noviembre de 2026")]
)
def test_dates_are_written_as_in_the_language(language: str, said: str) -> None:
    with translation.override(language):
        assert Template('{{ day|date:"DATE_FORMAT" }}').render(Context({"day": date(2026, 11, 26)})) == said


@pytest.mark.parametrize(("language", "said"), [("en", "2.5"), ("de", "2,5"), ("es", "2,5")])
def test_numbers_are_written_as_in_the_language(language: str, said: str) -> None:
    with translation.override(language):
        assert Template("{{ num|floatformat:1 }}").render(Context({"num": 2.5})) == said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "said", "num_forms"),
    [("de", "Die Antwort beginnt", 2), ("es", "Empieza la respuesta", 2), ("ar", "بدأت", 6)],
)
def test_scripts_get_our_texts_with_all_plural_forms(client: Client, language: str, said: str, num_forms: int) -> None:
    """And none of the administration's."""
    address = "/jsi18n/"
    script = client.get(address, headers={"accept-language": language}).content.decode()
    found = re.search(r"const newcatalog = (\{.*?\});", script, re.DOTALL)
    assert found
    catalogue = json.loads(found[1])
    assert catalogue["Answer started"].startswith(said)
    assert "Cancel" not in catalogue
    assert all(len(text) == num_forms for text in catalogue.values() if isinstance(text, list))


def test_what_the_assistant_says_is_translated_where_it_is_shown() -> None:
    """The assistant's own folder knows no languages: it marks its texts."""
    with translation.override("de"):
        assert error_event("internal").text.startswith("Bei uns ist etwas schiefgegangen.")
        assert NotFound().user_text == "Diesen Chat gibt es nicht."
    badge = CodeBadge(figure=0, state="findings", not_scanned=None, found=(FoundLine(line=1, cwe="CWE-1", advice="x"),))
    assert translated(badge, str.upper).found[0].advice == "X"


@pytest.mark.django_db
def test_what_a_person_chose_counts_more_than_their_browser(person: User) -> None:
    """In sockets and workers too, where there is no request."""
    person.language = "es"
    assert language_of(person) == "es"
    change(person, language="ar")
    person.refresh_from_db()
    assert language_of(User.objects.get(pk=person.pk)) == "ar"
