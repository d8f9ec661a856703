"""Ideas to begin with, as people write them."""

from typing import Any

import pytest
from django.test import Client

from tests.webapp.experiments.team import browser_for, member_of
from webapp.chat.starters import IDEAS
from webapp.experiments.models import StarterSet

pytestmark = pytest.mark.django_db

LIST = "/admin/experiments/starterset/"
ADD = f"{LIST}add/"


@pytest.fixture
def browser(db: None) -> Client:
    return browser_for(member_of("experimenter"))


def written(language: str = "en", **boxes: str) -> dict[str, str]:
    """All boxes of a language, and those that differ."""
    filled = {f"{language}-{job}": f"About {job} | Tell me about {job}.\n" for job in IDEAS}
    return {"name": "Spring", **filled, **{f"{language}-{job}": text for job, text in boxes.items()}}


def test_ideas_are_kept_by_language_and_job(browser: Client) -> None:
    boxes = written(learn="Bees | Why do bees dance? | Really?\n\n  Moss|What is moss?  ") | written("ar")
    answer = browser.post(ADD, boxes)
    made = StarterSet.objects.get()
    assert answer["Location"].endswith(f"/{made.pk}/change/")
    assert set(made.ideas) == {"en", "ar"}
    assert set(made.ideas["en"]) == set(IDEAS)
    assert made.ideas["en"]["learn"] == [["Bees", "Why do bees dance? | Really?"], ["Moss", "What is moss?"]]
    page = browser.get(answer["Location"]).content.decode()
    assert "What is moss?" in page
    assert "العربية" in page


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        ({"name": "Spring"}, "at least one language"),
        (written(learn="Bees"), "Line 1 is not"),
        (written(learn="Bees | Why?\n | What is moss?"), "Line 2 is not"),
        (written(create=""), "at least one idea for each"),
        (written(learn=f"{'x' * 61} | Why?"), "Line 1 is too long"),
        (written(learn="a | b\n" * 31), "At most 30 ideas"),
    ],
)
def test_what_could_not_be_shown_comes_back_with_the_reason(browser: Client, boxes: Any, reason: str) -> None:
    assert reason in browser.post(ADD, boxes).content.decode()
    assert not StarterSet.objects.exists()


def test_a_set_is_never_changed(browser: Client) -> None:
    """What people were shown in an experiment stays readable; other ideas are another set."""
    browser.post(ADD, written())
    made = StarterSet.objects.get()
    assert "of this name already" in browser.post(ADD, written()).content.decode()
    browser.post(f"{LIST}{made.pk}/change/", written(learn="Other | Ideas"))
    made.refresh_from_db()
    assert made.ideas["en"]["learn"] == [["About learn", "Tell me about learn."]]
    assert browser.post(f"{LIST}{made.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("role", ["member", "moderator"])
def test_it_is_the_business_of_those_who_experiment(role: str) -> None:
    browser = browser_for(member_of(role))
    assert browser.get(LIST).status_code in {302, 403}
    assert browser.post(ADD, written()).status_code in {302, 403}
    assert not StarterSet.objects.exists()
