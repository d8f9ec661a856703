"""What the socket says of limits, and of the place of an answer that waits."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.utils import timezone

from tests.webapp.chat.talking import send
from webapp.accounts.models import User
from webapp.chat import following
from webapp.chat.consumers import ChatConsumer
from webapp.chat.following import follow
from webapp.chat.models import Reply

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

Change = Callable[..., None]


@pytest.fixture(autouse=True)
def _hints(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
def change_turns(settings: Any) -> Change:
    def change(**values: object) -> None:
        settings.TURNS = replace(settings.TURNS, **values)

    return change


class Socket:
    """A page's socket to the consumer, without a server between them."""

    def __init__(self, person: User) -> None:
        scope = {"type": "websocket", "path": "/ws/chat/", "headers": [], "person": person}
        self._application = ApplicationCommunicator(ChatConsumer.as_asgi(), scope)

    async def open(self) -> dict[str, Any]:
        """What the server says first."""
        await self._application.send_input({"type": "websocket.connect"})
        assert (await self._application.receive_output(5))["type"] == "websocket.accept"
        return await self.hear("hello")

    async def say(self, **command: object) -> None:
        await self._application.send_input({"type": "websocket.receive", "text": json.dumps(command)})

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next message of this kind."""
        while True:
            message: dict[str, Any] = json.loads((await self._application.receive_output(5))["text"])
            if message["type"] == kind:
                return message

    async def closed_with(self) -> int:
        """The code with which the server closes."""
        message = await self._application.receive_output(5)
        assert message["type"] == "websocket.close"
        return int(message["code"])

    async def close(self) -> None:
        await self._application.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._application.wait(5)


async def test_hello_ack_and_refusal_say_what_is_left(person: User, change_turns: Change) -> None:
    """Nobody should learn of a limit by running into it."""
    change_turns(messages_per_hour=2, max_running_per_person=9)
    socket = Socket(person)
    assert (await socket.open())["limits"] == {"limit": 2, "left": 2, "next_in_s": 1800, "full_in_s": 0}
    left = []
    for kind in ("ack", "ack", "refused"):
        turn_id = str(uuid.uuid4())
        await socket.say(type="send", turn_id=turn_id, conversation=None, parent=None, text="Hi", temporary=False)
        told = (await socket.hear(kind))["limits"]
        left.append(told["left"])
        assert told["limit"] == 2
    assert left == [1, 0, 0]
    assert 1790 < told["next_in_s"] <= 1800
    await socket.close()


async def test_without_a_limit_nothing_is_said(person: User, change_turns: Change) -> None:
    change_turns(messages_per_hour=0)
    socket = Socket(person)
    assert (await socket.open())["limits"] is None
    await socket.close()


async def test_who_waits_is_told_the_place_again_and_again(
    person: User, somebody_else: User, change_turns: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place changes without any event of this reply, so the snapshot is taken anew while it is queued."""
    change_turns(num_workers=1)
    monkeypatch.setattr(following, "QUEUE_RECHECK_S", 0.05)
    before = await sync_to_async(send)(somebody_else)
    mine = await sync_to_async(send)(person)
    await Reply.objects.filter(pk=before.reply_id).aupdate(created_at=timezone.now() - timedelta(seconds=9))
    told = follow(mine.reply_id, None)
    assert (await anext(told))["queue"] == {"before": 1, "wait_s": 20}
    await Reply.objects.filter(pk=before.reply_id).aupdate(state="running")
    while (again := await anext(told))["queue"] != {"before": 0, "wait_s": 10}:
        assert again["type"] == "snapshot"
    await Reply.objects.filter(pk=before.reply_id).aupdate(state="done", finished_at=timezone.now())
    while (again := await anext(told))["queue"] is not None:
        assert again["type"] == "snapshot"
    await told.aclose()
