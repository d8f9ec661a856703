"""Whose clock it is: "today", "at five" and the date are the person's own, on pages, on the socket and in answers."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.test import Client
from django.utils import timezone, translation

from tests.assistant.turns import WordGuard
from tests.webapp.chat.talking import end, send
from tests.webapp.site_settings import change_settings
from webapp.accounts.models import User
from webapp.accounts.services.clock import remember_zone, zone_named, zone_of
from webapp.chat.consumers import ChatConsumer
from webapp.chat.models import Conversation, Reply
from webapp.chat.services.running import run_turn
from webapp.experiments.services import variables
from webapp.personal.services.preferences import change
from webapp.privacy.services.exports import make_export, request_export

AUCKLAND, LOS_ANGELES = "Pacific/Auckland", "America/Los_Angeles"


@pytest.fixture
def browser(person: User) -> Client:
    browser = Client()
    browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return browser


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "posixrules", "x" * 4000])
def test_what_is_no_zone_is_none(name: str) -> None:
    """The cookie is the browser's to write."""
    assert zone_named(name) is None


@pytest.mark.django_db
def test_what_the_browser_said_last_is_kept(person: User) -> None:
    assert zone_of(person) is None
    remember_zone(person, f"sessionid=abc; zone={AUCKLAND}")
    for says_nothing in ("", "sessionid=abc", "zone=Nowhere/Land"):
        remember_zone(person, says_nothing)
    assert str(zone_of(User.objects.get(pk=person.pk))) == AUCKLAND


@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize("by_cookie", [True, False])
def test_a_chat_of_this_morning_is_of_today(
    person: User, browser: Client, monkeypatch: pytest.MonkeyPatch, by_cookie: bool
) -> None:
    """At seven in the evening in Los Angeles it is the next day in Greenwich already."""
    end(send(person, "Good morning"))
    Conversation.objects.update(updated_at=datetime(2026, 11, 26, 17, 0, tzinfo=UTC))
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 27, 3, 0, tzinfo=UTC))
    assert "Yesterday" in browser.get("/conversations/").content.decode()
    if by_cookie:
        browser.cookies["zone"] = LOS_ANGELES
    else:
        User.objects.update(time_zone=LOS_ANGELES)
    assert "Today" in browser.get("/conversations/").content.decode()
    browser.cookies.pop("zone", None)
    User.objects.update(time_zone="")
    assert "Yesterday" in browser.get("/conversations/").content.decode()  # nothing is left of the request before


@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
def test_the_administration_goes_by_the_clock_of_the_site(person: User, browser: Client) -> None:
    """Who works together reads the same one; and a form there means the hour that the lists show."""
    User.objects.update(is_staff=True, is_superuser=True, time_zone=AUCKLAND)
    end(send(person, "Hello"))
    Conversation.objects.update(updated_at=datetime(2026, 11, 26, 23, 30, tzinfo=UTC))
    assert "23:30" in (found := browser.get("/admin/chat/conversation/").content.decode()) or "11:30 p.m." in found


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis")
async def test_a_refusal_names_the_hour_of_the_person(person: User, settings: Any) -> None:
    """The zone comes with the first words of the page's connection."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.TURNS = replace(settings.TURNS, messages_per_hour=1)
    await sync_to_async(lambda: end(send(person, "One")))()
    headers = [(b"cookie", b"zone=Asia/Tokyo")]
    scope = {"type": "websocket", "path": "/ws/chat/", "headers": headers, "subprotocols": [], "person": person}
    socket = ApplicationCommunicator(ChatConsumer.as_asgi(), scope)
    await socket.send_input({"type": "websocket.connect"})
    for _ in ("accept", "hello"):
        await socket.receive_output(5)
    said = {"type": "send", "turn_id": "7e57ab1e-0000-4000-8000-000000000001", "text": "Two"}
    await socket.send_input({"type": "websocket.receive", "text": json.dumps(said)})
    refused = json.loads((await socket.receive_output(5))["text"])
    assert refused["code"] == "limit"
    assert "JST" in refused["text"]
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait(5)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis")
async def test_what_time_it_is_where_the_person_is(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """No place is named: so it is the clock on their wall that is asked for."""
    change_settings(monkeypatch, inference_model="none", encoders_url="http://127.0.0.1:1")

    async def guard(*_args: Any) -> WordGuard:
        return WordGuard("something else")

    monkeypatch.setattr("webapp.wiring.turns.connect_guard", guard)
    await User.objects.aupdate(time_zone="Asia/Kolkata")
    said = await sync_to_async(send)(person, "What time is it?")
    await run_turn(said.reply_id)
    reply = await Reply.objects.aget(pk=said.reply_id)
    assert reply.state == Reply.State.DONE
    assert "(IST)" in reply.text


def test_the_date_in_the_prompt_is_that_of_the_active_zone() -> None:
    at = datetime(2026, 11, 26, 23, 0, tzinfo=UTC)
    with timezone.override(zone_named(AUCKLAND)):
        known = variables.values(at=at, language="en", model="m")
    assert (known["date"], known["weekday"]) == ("27 November 2026", "Friday")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis")
def test_an_export_of_everything_is_in_their_language_and_by_their_clock(
    person: User, settings: Any, tmp_path: Path
) -> None:
    """A worker writes it, who has neither."""
    settings.MEDIA_ROOT = tmp_path
    change(person, language="de")
    User.objects.update(time_zone=AUCKLAND, device="phone")
    end(send(person, "Guten Tag"))
    Conversation.objects.update(created_at=datetime(2026, 11, 26, 23, 0, tzinfo=UTC))
    asked = request_export(person)
    make_export(asked.pk)
    with zipfile.ZipFile(io.BytesIO((tmp_path / "exports" / f"{asked.pk}.zip").read_bytes())) as archive:
        (chat,) = (name for name in archive.namelist() if name.endswith(".md"))
        written = archive.read(chat).decode()
        page = archive.read(chat.replace(".md", ".html")).decode()
        account = json.loads(archive.read("account.json"))
    with translation.override("de"):
        assert f"## {translation.gettext('You')}" in written
    assert "2026-11-27" in written
    assert '<html lang="de"' in page
    assert "27. November 2026" in page
    assert (account["device"], account["time_zone"]) == ("phone", AUCKLAND)
