"""How full the window is, as a person sees it: quiet, exact, and of the branch that is shown."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assistant.prompt import estimate_tokens
from tests.webapp.chat.talking import send
from tests.webapp.chat.test_compacting import ANSWER, ROOM, SUMMARY, answered, filled, grown, summarised
from webapp import jobs, wiring
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Reply, Summary
from webapp.chat.services.gauge import Gauge, gauge_of
from webapp.personal.services.preferences import change
from webapp.wiring import ModelCard

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

ANSWER_TOKENS = estimate_tokens(ANSWER)


@pytest.fixture
def browser(person: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(person)


@pytest.fixture(autouse=True)
def _model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "model_card", lambda endpoint="": ModelCard(id="m", name="A model"))


def gauge() -> Gauge:
    return gauge_of(Conversation.objects.get())


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def read(browser: Client, path: str) -> str:
    return text_of(browser.get(f"/c/{Conversation.objects.get().pk}/{path}").content.decode())


def test_it_is_what_was_counted_for_the_last_answer_and_that_answer(person: User) -> None:
    """Its length by the engine's count where that is known."""
    (turn,) = grown(person, 1)
    assert gauge().num_tokens == 60 + 1200 + 60 + ANSWER_TOKENS
    assert gauge().percent == round(100 * gauge().num_tokens / ROOM)
    assert sum(part.num_tokens for part in gauge().parts) == gauge().num_tokens
    Reply.objects.filter(pk=turn.reply_id).update(usage={"reply_tokens": 99})
    assert gauge().num_tokens == 60 + 1200 + 60 + 99


def test_it_changes_with_the_branch(person: User) -> None:
    """And is that of the last answer that is over: of one that is being written nothing is known, a withheld one is in
    no prompt."""
    first = grown(person, 1)[0]
    full = gauge().percent
    other = answered(send(person, "otherwise", conversation_id=first.conversation_id), earlier=0)
    roomy = gauge().percent
    assert full and roomy and full > roomy
    answering = send(person, "And now?", after=other)
    assert gauge().percent == roomy
    Reply.objects.filter(pk=answering.reply_id).update(state=Reply.State.BLOCKED, **filled(9999))
    assert gauge().percent == roomy


def test_nothing_is_said_of_a_chat_that_has_room(browser: Client, person: User) -> None:
    (turn,) = grown(person, 1)
    page = f"/c/{turn.conversation_id}/"
    words = "of what the assistant can keep in mind"
    assert f"This chat fills {gauge().percent}% {words}" in text_of(browser.get(page).content.decode())
    Reply.objects.update(**filled(100))
    assert words not in text_of(browser.get(page).content.decode())
    assert read(browser, "gauge/") == ""


def test_a_summary_empties_it_at_once(person: User) -> None:
    """The last answer was counted without it; the next one will be with it."""
    turns = grown(person, 4)
    before = gauge()
    Summary.objects.all().delete()
    Conversation.objects.all().delete()
    turns = summarised(person)
    after = gauge()
    assert before.num_tokens > after.num_tokens
    assert {part.name: part.num_tokens for part in after.parts}["Earlier turns"] < 1200
    assert after.can_summarise
    later = answered(send(person, "4: and now?", after=turns[-1]), earlier=77)
    assert {part.name: part.num_tokens for part in gauge().parts}["Earlier turns"] == 77
    assert later


def test_the_place_and_the_words_of_the_summary_are_on_the_page(browser: Client, person: User) -> None:
    """Behind the last turn it covers; on a branch that it does not cover there is none."""
    turns = summarised(person)
    page = browser.get(f"/c/{turns[0].conversation_id}/").content.decode()
    assert f'data-after="{turns[1].reply_id}"' in page
    assert SUMMARY in page
    assert all(f"{number}: how" in page for number in range(4))
    answered(send(person, "1: otherwise", after=turns[0]))
    assert SUMMARY not in browser.get(f"/c/{turns[0].conversation_id}/gauge/").content.decode()


def test_the_dialog_says_what_takes_how_much(browser: Client, person: User) -> None:
    summarised(person)
    told = read(browser, "window/")
    for words in ("Instructions 60", "Together", f"of {ROOM}", SUMMARY, "Summarise earlier turns"):
        assert words in told


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"text": "", "finished_at": None}, "Earlier turns are being summarised…"),
        ({"text": ""}, "The last attempt brought no summary that is of use."),
    ],
    ids=["being written", "failed"],
)
def test_it_says_how_the_summary_gets_on(browser: Client, person: User, state: dict[str, Any], words: str) -> None:
    summarised(person)
    assert words not in read(browser, "window/")
    Summary.objects.update(**({"finished_at": timezone.now(), "started_at": timezone.now()} | state))
    assert words in read(browser, "window/")


def test_whoever_wants_no_summaries_is_offered_none(browser: Client, person: User) -> None:
    """Nor is one from before shown: it is not read."""
    turns = summarised(person)
    change(person, summarises_chats=False)
    told = read(browser, "window/") + read(browser, "prompt/") + read(browser, "gauge/")
    assert "Summarise earlier turns" not in told
    assert SUMMARY not in told
    answer = browser.post(f"/c/{turns[0].conversation_id}/summarise/").content.decode()
    assert "There are no earlier turns" in text_of(answer)


def test_a_chat_that_is_gone_is_not_found(browser: Client, person: User) -> None:
    turns = grown(person, 2)
    Conversation.objects.all().delete()
    assert browser.post(f"/c/{turns[0].conversation_id}/summarise/").status_code == 404


def test_asking_for_a_summary(browser: Client, person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "enqueue_compaction", lambda reply_id, is_asked_for: True)
    turns = grown(person, 1)
    address = f"/c/{turns[0].conversation_id}/summarise/"
    refused = text_of(browser.post(address).content.decode())
    assert "There are no earlier turns that are not summarised yet." in refused
    answered(send(person, "1: and now?", after=turns[0]))
    assert "Earlier turns are being summarised…" in text_of(browser.post(address).content.decode())
    monkeypatch.setattr(jobs, "enqueue_compaction", lambda reply_id, is_asked_for: False)
    assert "This did not get through" in text_of(browser.post(address).content.decode())


def test_the_prompt_that_comes_next_can_be_read(browser: Client, person: User) -> None:
    """With the summary in the place of what it covers."""
    summarised(person)
    told = read(browser, "prompt/")
    assert SUMMARY in told
    assert "1: how" not in told
    assert told.index(SUMMARY) < told.index("2: how") < told.index("3: how") < told.index("(Your next message)")
