"""The pages of the playground: one form, and answers that appear while they are written."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.utils import timezone

from tests.webapp.chat.talking import talk
from tests.webapp.experiments.playing import Echo, address, tried, work
from tests.webapp.experiments.team import browser_for, member_of
from webapp.accounts.models import User
from webapp.experiments.models import (
    PlaygroundRun,
    PlaygroundSession,
    PreferenceVote,
    PromptVersion,
    TestTurn,
)
from webapp.experiments.services import playground_running, prompts, votes
from webapp.experiments.services.playground_turns import typed

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "/admin/experiments/playgroundsession/add/"


def test_the_form_starts_a_session(tester: User, person: User, enqueued: list[UUID]) -> None:
    version = prompts.create("Be brief.", note="Shorter", author=tester)
    written = TestTurn.objects.create(name="Wool", messages=[["user", "wool"]])
    mine, theirs = talk(tester, "Hello"), talk(person, "Secret")
    browser = browser_for(tester)
    page = browser.get(f"{ADD}?prompt={version.pk}").content.decode()
    assert f'<option value="{version.pk}" selected>' in page
    assert "Secret" not in page
    posted = {
        "c0-source": "production",
        "c1-source": str(version.pk),
        "c1-temperature": "0.7",
        "c2-source": "draft",
        "c2-draft": "Be kind.",
        "written": [written.pk],
        "own": [str(mine[0].reply_id)],
        "text": "moss",
    }
    answer = browser.post(ADD, posted)
    session = PlaygroundSession.objects.get()
    assert answer["Location"] == address(session)
    assert [turn["messages"][-1][1] for turn in session.turns] == ["wool", "Hello", "moss"]
    columns = list(session.runs.filter(turn=0).values_list("prompt", "draft", "temperature"))
    assert columns == [(None, "", None), (version.pk, "", 0.7), (None, "Be kind.", None)]
    refused = browser.post(ADD, posted | {"own": [str(theirs[0].reply_id)]})
    assert refused.status_code == 200
    assert PlaygroundSession.objects.count() == 1


@pytest.mark.parametrize(
    ("posted", "reason"),
    [
        ({"c0-source": "production"}, "at least one turn"),
        ({"text": "wool"}, "nothing to ask"),
        ({"c0-source": "draft", "c0-draft": "{{name}}", "text": "wool"}, "no variable of this name"),
        ({"c0-source": "built-in", "c0-temperature": "3", "text": "wool"}, "less than or equal to 2"),
        ({"c0-source": "built-in", "is_blind": "on", "text": "wool"}, "exactly two columns"),
    ],
)
def test_a_form_that_makes_no_sense_comes_back_with_the_reason(tester: User, posted: Any, reason: str) -> None:
    assert reason in browser_for(tester).post(ADD, posted).content.decode()
    assert not PlaygroundSession.objects.exists()


@pytest.mark.parametrize("page", ["change", "cells"])
def test_a_session_of_somebody_else_is_absent(tester: User, page: str, enqueued: list[UUID]) -> None:
    """For a superuser too: chats of its person may stand in it."""
    session = tried(tester, "Be brief.")
    run = session.runs.get()
    boss = User.objects.create_user("boss", is_staff=True, is_superuser=True)
    for somebody in (member_of("experimenter", "ada"), boss):
        browser = browser_for(somebody)
        assert browser.get(address(session, page)).status_code == 404
        for act in ("go-on", "vote/0", f"retry/{run.pk}", f"stop/{run.pk}", f"save/{run.pk}", "delete"):
            assert browser.post(address(session, act), {"text": "x", "note": "x"}).status_code == 404
        assert str(session.pk) not in browser.get("/admin/experiments/playgroundsession/").content.decode()
    assert browser_for(tester).get(address(session, page)).status_code == 200
    assert browser_for(tester).get("/admin/experiments/playgroundsession/nothing/change/").status_code == 404


@pytest.mark.parametrize("role", ["member", "moderator", "administrator"])
def test_who_writes_no_prompts_tries_none(role: str, enqueued: list[UUID]) -> None:
    browser = browser_for(member_of(role))
    for response in (browser.get(ADD), browser.post(ADD, {"c0-source": "built-in", "text": "x"})):
        assert response.status_code in {302, 403}
    assert not PlaygroundSession.objects.exists()


def test_the_page_asks_for_what_changed_until_all_is_finished(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    session = tried(tester, "Be brief.", "Be kind.")
    first, second = session.runs.all()
    browser = browser_for(tester)
    assert 'hx-trigger="load delay:400ms"' in browser.get(address(session)).content.decode()
    async_to_sync(playground_running.run)(first.pk)
    cells = address(session, "cells")
    since = timezone.now().isoformat()
    PlaygroundRun.objects.filter(pk=second.pk).update(updated_at=timezone.now() - timedelta(minutes=1))
    part = browser.get(cells, {"since": since, "num_finished": "0"}).content.decode()
    assert "Be brief." in part and f"cell-{first.pk}" in part and f"cell-{second.pk}" not in part
    assert "1 of 2 answers" in part
    assert "hx-get" in part
    assert "1 of 2 answers" not in browser.get(cells, {"since": since, "num_finished": "1"}).content.decode()
    async_to_sync(playground_running.run)(second.pk)
    last = browser.get(cells, {"since": "nonsense"}).content.decode()
    assert f"cell-{first.pk}" in last and f"cell-{second.pk}" in last
    assert "hx-get" not in last
    assert "load delay:400ms" not in browser.get(address(session)).content.decode()


def test_the_list_tells_ones_own_sessions_apart(tester: User, enqueued: list[UUID]) -> None:
    tried(tester, "Be brief.", turns=[typed("All about wool")])
    tried(member_of("experimenter", "ada"), "Be brief.", turns=[typed("Secret")])
    page = browser_for(tester).get("/admin/experiments/playgroundsession/").content.decode()
    assert "All about wool" in page
    assert "Secret" not in page


def test_what_is_typed_is_shown_and_not_run(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    session = tried(tester, "<script>alert(1)</script>", turns=[typed("<script>alert(2)</script>")])
    work(enqueued)
    assert "<script>alert" not in browser_for(tester).get(address(session)).content.decode()


def test_a_message_goes_on_from_the_page(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    session = tried(tester, "Be brief.")
    browser = browser_for(tester)
    go_on = address(session, "go-on")
    refused = browser.post(go_on, {"text": "And moss?", "after": "0"}, follow=True).content.decode()
    assert "wait until the answers are finished" in refused
    work(enqueued)
    assert browser.post(go_on, {"text": "", "after": "0"}).status_code == 200
    browser.post(go_on, {"text": "And moss?", "after": "0"})
    session.refresh_from_db()
    assert session.turns[1] == {"messages": [["user", "And moss?"]], "after": 0}
    assert "goes on from turn 1" in browser.get(address(session)).content.decode()


def test_a_draft_becomes_a_version(tester: User, enqueued: list[UUID]) -> None:
    session = tried(tester, "Be brief.")
    save = f"{address(session, 'save')}{session.runs.get().pk}/"
    browser = browser_for(tester)
    browser.post(save, {"note": ""})
    assert not PromptVersion.objects.exists()
    browser.post(save, {"note": "Shorter"})
    version = PromptVersion.objects.get()
    assert (version.text, version.author) == ("Be brief.", tester)
    assert browser.post(save, {"note": "Again"})["Location"].endswith(f"/{version.pk}/change/")


def test_a_session_is_deleted_by_who_made_it(tester: User, model: Echo, enqueued: list[UUID]) -> None:
    """With its answers. A vote stays."""
    session = tried(tester, "Be brief.", "Be kind.", is_blind=True)
    kept = tried(tester, "Be calm.")
    work(enqueued)
    votes.vote(session, 0, choice="left", by=tester)
    browser, delete = browser_for(tester), address(session, "delete")
    assert delete in browser.get(address(session)).content.decode()
    assert browser.get(delete).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(tester, backend="django.contrib.auth.backends.ModelBackend")
    for act in (delete, f"{address(session, 'stop')}{session.runs.all()[0].pk}/"):
        assert strict.post(act).status_code == 403
    assert browser.post(delete)["Location"] == "/admin/experiments/playgroundsession/"
    assert list(PlaygroundSession.objects.all()) == [kept]
    assert PlaygroundRun.objects.count() == 1
    assert PreferenceVote.objects.get().session is None
