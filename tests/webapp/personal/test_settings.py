"""The settings pages: what is chosen is stored, applied at once, and asked for again."""

import re

import pytest
from django.test import Client
from django.utils import translation

from webapp.accounts.models import User
from webapp.accounts.services.guests import SESSION_KEY
from webapp.personal.models import Preferences
from webapp.personal.services.preferences import MAX_INSTRUCTION_CHARS, change, preferences_of

pytestmark = pytest.mark.django_db

GENERAL = "/settings/general/"
ASSISTANT = "/settings/assistant/"
PREVIEW = "/settings/assistant/preview/"
GENERAL_FORM = {"language": "", "theme": "dark", "text_size": "large", "shortcuts": "on"}
ASSISTANT_FORM = {
    "uses_instructions": "on",
    "about_me": "I teach biology.",
    "answer_style": "Begin with the short answer.",
    "tone": "formal",
    "answer_language": "es",
}


def root_of(browser: Client, address: str = GENERAL, **headers: str) -> str:
    """The tag that carries what applies to the whole page."""
    found = re.search(r"<html[^>]*>", browser.get(address, headers=headers).content.decode())
    assert found
    return " ".join(found[0].split())


def test_what_is_chosen_stands_on_the_root_element(browser: Client) -> None:
    """Before any script runs, so that nothing flashes."""
    response = browser.post(GENERAL, GENERAL_FORM, follow=True)
    assert "Saved" in response.content.decode()
    root = root_of(browser, "/")
    assert 'data-theme="dark"' in root
    assert 'data-text-size="large"' in root
    assert "data-shortcuts" not in root


def test_instructions_may_fill_their_field_with_lines(browser: Client, person: User) -> None:
    """A form sends the end of a line as two characters; the field counts one."""
    lines = "No salt.\n" * (MAX_INSTRUCTION_CHARS // 9 - 1) + "x" * 9
    response = browser.post(ASSISTANT, {**ASSISTANT_FORM, "about_me": lines.replace("\n", "\r\n")}, follow=True)
    assert "Saved" in response.content.decode()
    assert Preferences.objects.get(person=person).about_me == lines


def test_switched_off_shortcuts_are_told_to_the_scripts(browser: Client) -> None:
    browser.post(GENERAL, {key: value for key, value in GENERAL_FORM.items() if key != "shortcuts"})
    assert 'data-shortcuts="off"' in root_of(browser)


def test_the_system_theme_leaves_the_choice_to_the_browser(browser: Client) -> None:
    browser.post(GENERAL, GENERAL_FORM | {"theme": "system"})
    assert "data-theme" not in root_of(browser)


def test_nobody_becomes_a_guest_by_saving(client: Client) -> None:
    """And not before: looking at the settings makes nobody."""
    client.get(GENERAL)
    assert not User.objects.exists()
    client.post(GENERAL, GENERAL_FORM)
    guest = User.objects.get(pk=client.session[SESSION_KEY])
    assert guest.is_guest
    assert guest.preferences.theme == "dark"


@pytest.mark.parametrize(("language", "direction"), [("de", "ltr"), ("es", "ltr"), ("ar", "rtl")])
def test_the_chosen_language_counts_more_than_the_browsers(browser: Client, language: str, direction: str) -> None:
    browser.post(GENERAL, GENERAL_FORM | {"language": language})
    assert f'lang="{language}" dir="{direction}"' in root_of(browser, "/", accept_language="en")


def test_without_a_choice_the_browsers_language_counts(browser: Client) -> None:
    assert 'lang="de"' in root_of(browser, accept_language="de-AT,en;q=0.5")


def test_one_persons_language_does_not_stay_for_the_next(browser: Client, client: Client) -> None:
    """Threads are shared; what was activated for one request must not leak into another."""
    browser.post(GENERAL, GENERAL_FORM | {"language": "ar"})
    browser.get("/")
    assert 'lang="en"' in root_of(client, "/", accept_language="en")
    translation.deactivate()


@pytest.mark.parametrize("wrong", [{"language": "xx"}, {"theme": "pink"}, {"text_size": "9"}])
def test_what_is_not_offered_is_not_stored(browser: Client, wrong: dict[str, str]) -> None:
    assert browser.post(GENERAL, GENERAL_FORM | wrong).status_code == 422
    assert not Preferences.objects.exists()


def test_languages_are_named_in_themselves(browser: Client) -> None:
    """Who cannot read the page must still find their own."""
    page = browser.get(GENERAL).content.decode()
    for name in ("English", "Deutsch", "Español", "العربية"):
        assert name in page


def test_the_quick_switch_changes_the_theme_alone(browser: Client, person: User) -> None:
    change(person, text_size="large")
    assert browser.post("/settings/theme/", {"theme": "light"}).status_code == 204
    preferences = Preferences.objects.get(person=person)
    assert (preferences.theme, preferences.text_size) == ("light", "large")
    assert browser.post("/settings/theme/", {"theme": "pink"}).status_code == 400


def test_the_assistant_form_keeps_the_rest(browser: Client, person: User) -> None:
    change(person, theme="dark", uses_memory=False)
    browser.post(ASSISTANT, ASSISTANT_FORM)
    preferences = Preferences.objects.get(person=person)
    assert preferences.about_me == "I teach biology."
    assert preferences.answer_language == "es"
    assert (preferences.theme, preferences.uses_memory) == ("dark", False)


def test_too_long_instructions_come_back_with_the_reason(browser: Client) -> None:
    """Nothing that was written is lost."""
    response = browser.post(ASSISTANT, ASSISTANT_FORM | {"about_me": "wool " * 400})
    assert response.status_code == 422
    page = response.content.decode()
    assert "1500" in page
    assert "wool wool" in page
    assert not Preferences.objects.exists()


def test_the_preview_shows_what_would_be_sent_and_stores_nothing(browser: Client, person: User) -> None:
    """With the form as it is filled in now."""
    page = browser.post(PREVIEW, ASSISTANT_FORM).content.decode()
    assert "I teach biology." in page
    assert "Begin with the short answer." in page
    assert "What is a good way to start the day?" in page
    assert not Preferences.objects.exists()
    assert "I teach biology." not in browser.get(ASSISTANT).content.decode()


def test_summaries_of_long_chats_are_made_unless_they_are_switched_off(browser: Client, person: User) -> None:
    switch = re.compile(r'<input[^>]*name="summarises_chats"[^>]*>')
    found = switch.search(browser.get(ASSISTANT).content.decode())
    assert found
    assert "checked" in found[0]
    browser.post(ASSISTANT, ASSISTANT_FORM)
    assert not Preferences.objects.get(person=person).summarises_chats


def test_switched_off_instructions_are_not_in_the_preview(browser: Client) -> None:
    form = {key: value for key, value in ASSISTANT_FORM.items() if key != "uses_instructions"}
    assert "I teach biology." not in browser.post(PREVIEW, form).content.decode()


def test_what_a_person_wrote_cannot_become_a_part_of_the_page(browser: Client) -> None:
    page = browser.post(PREVIEW, ASSISTANT_FORM | {"about_me": "<b>bold</b>"}).content.decode()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_the_preview_is_there_for_nobody_too(client: Client) -> None:
    assert "What is a good way to start the day?" in client.get(ASSISTANT).content.decode()
    assert client.post(PREVIEW, ASSISTANT_FORM).status_code == 200
    assert not User.objects.exists()


def test_the_list_names_pages_that_exist(browser: Client, client: Client) -> None:
    """Those of an account are for who has one."""
    assert 'href="/settings/memory/"' in browser.get("/settings/").content.decode()
    assert 'href="/accounts/email/"' in browser.get("/settings/").content.decode()
    assert 'href="/accounts/email/"' not in client.get("/settings/").content.decode()


def test_somebody_without_a_row_has_the_defaults(person: User) -> None:
    assert preferences_of(person).text_size == "normal"
    assert preferences_of(None).uses_memory
    assert not Preferences.objects.exists()
