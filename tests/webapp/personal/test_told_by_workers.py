"""Where there is no request, a person still reads their own language: on the socket, and in what a worker tells."""

import json
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat import turn_log
from webapp.chat.consumers import ChatConsumer
from webapp.chat.models import Reply
from webapp.chat.services import running, turns
from webapp.personal.services.preferences import change

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture
async def german(person: User) -> User:
    await sync_to_async(change)(person, language="de")
    return await User.objects.select_related("preferences").aget(pk=person.pk)


@pytest.fixture
async def socket(german: User, settings: Any) -> AsyncIterator[ApplicationCommunicator]:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    scope = {"type": "websocket", "path": "/ws/chat/", "headers": [], "subprotocols": [], "person": german}
    socket = ApplicationCommunicator(ChatConsumer.as_asgi(), scope)
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output(5))["type"] == "websocket.accept"
    assert json.loads((await socket.receive_output(5))["text"])["type"] == "hello"
    yield socket
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait(5)


async def test_the_socket_says_no_in_the_language_of_the_person(socket: ApplicationCommunicator) -> None:
    command = json.dumps({"type": "subscribe", "reply": str(uuid.uuid4()), "cursor": None})
    await socket.send_input({"type": "websocket.receive", "text": command})
    assert json.loads((await socket.receive_output(5))["text"])["text"] == "Diesen Chat gibt es nicht."


async def test_a_worker_gives_up_in_the_language_of_the_person(german: User) -> None:
    """Here no engine has answered for a day."""
    accepted = await sync_to_async(turns.send)(
        person=german, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="Was ist das?"
    )
    replies = Reply.objects.filter(pk=accepted.reply_id)
    await replies.aupdate(waiting_since=timezone.now() - timedelta(days=1))
    await running.run_turn(accepted.reply_id)
    reply = await replies.aget()
    assert reply.state == Reply.State.FAILED
    redis = turn_log.connect()
    log = await redis.xrevrange(turn_log.key(reply.pk), count=1)
    await redis.aclose()
    assert "Das Modell ist gerade nicht erreichbar." in str(log)
