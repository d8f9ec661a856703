"""Every command of the socket: another person's is not there, and said twice it does what it does once."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from tests.webapp.chat.talking import end, send
from tests.webapp.chat.test_what_is_left import Socket
from webapp.accounts.models import User
from webapp.chat.commands import COMMANDS
from webapp.chat.models import Conversation, Message, QueuedMessage, Reply
from webapp.chat.services import queueing
from webapp.chat.services.turns import Accepted

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

WAITING = uuid.UUID(int=1)
NEW = uuid.UUID(int=2)
Fields = Callable[[Accepted], dict[str, Any]]

ABOUT: dict[str, Fields] = {
    "send": lambda said: {"turn_id": NEW, "conversation": said.conversation_id, "parent": said.reply_id, "text": "x"},
    "queue": lambda said: {"turn_id": NEW, "conversation": said.conversation_id, "text": "x"},
    "unqueue": lambda said: {"turn_id": WAITING},
    "send_now": lambda said: {"turn_id": WAITING},
    "subscribe": lambda said: {"reply": said.reply_id},
    "unsubscribe": lambda said: {"reply": said.reply_id},
    "stop": lambda said: {"reply": said.reply_id},
    "retry": lambda said: {"reply": said.reply_id},
    "continue": lambda said: {"reply": said.reply_id},
    "ping": lambda said: {},
}
IS_WRITTEN = {"queue", "unqueue", "stop"}
"""What is said while the answer is being written; the others after it was cut short."""
SAYS_NOTHING = {"unqueue", "unsubscribe", "ping"}


@pytest.fixture(autouse=True)
def _hints(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


def a_chat(person: User, name: str) -> tuple[Accepted, dict[str, Any]]:
    """A chat in which something waits, and the command."""
    said = send(person)
    assert queueing.queue(person=person, turn_id=WAITING, conversation_id=said.conversation_id, text="y") is None
    if name not in IS_WRITTEN:
        end(said, "cancelled")
        queueing.hold(said.conversation_id)
    fields = {field: str(value) for field, value in ABOUT[name](said).items()}
    return said, {"type": name, **fields}


@pytest.mark.parametrize("origin", ["starter", "followup", None])
async def test_what_was_clicked_to_send_it_is_kept(person: User, origin: str | None) -> None:
    socket = Socket(person)
    await socket.open()
    clicked = {"origin": origin} if origin else {}
    await socket.say(type="send", turn_id=str(NEW), conversation=None, parent=None, text="x", **clicked)
    await socket.hear("ack")
    assert (await Message.objects.aget()).origin == (origin or "")
    await socket.close()


async def test_nothing_else_is_clicked(person: User) -> None:
    socket = Socket(person)
    await socket.open()
    await socket.say(type="send", turn_id=str(NEW), conversation=None, parent=None, text="x", origin="a dream")
    assert (await socket.hear("error"))["code"] == "malformed"
    await socket.close()


def stored() -> list[Any]:
    """Everything that a command may change."""
    return [
        list(Conversation.objects.order_by("pk").values_list("pk", "selected")),
        list(Message.objects.order_by("pk").values_list("pk", "parent", "text")),
        list(Reply.objects.order_by("pk").values_list("pk", "state", "epoch", "event_index")),
        list(QueuedMessage.objects.order_by("pk").values_list("pk", "is_held")),
    ]


def test_no_command_is_forgotten() -> None:
    assert set(ABOUT) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
async def test_what_is_anothers_is_not_there(person: User, somebody_else: User, name: str) -> None:
    _said, command = await sync_to_async(a_chat)(person, name)
    before = await sync_to_async(stored)()
    socket = Socket(somebody_else)
    await socket.open()
    await socket.say(**command)
    if name not in SAYS_NOTHING:
        kind = "refused" if "turn_id" in command and name != "send_now" else "error"
        assert (await socket.hear(kind))["code"] == "not_found"
    await socket.say(type="ping")
    await socket.hear("pong")
    assert await sync_to_async(stored)() == before
    await socket.close()


@pytest.mark.parametrize("name", COMMANDS)
async def test_said_twice_is_said_once(person: User, name: str) -> None:
    """A page says it again when it does not know whether it was heard, and so does another tab."""
    _said, command = await sync_to_async(a_chat)(person, name)
    socket = Socket(person)
    await socket.open()
    states = []
    for _ in range(2):
        await socket.say(**command)
        await socket.say(type="ping")
        await socket.hear("pong")
        states.append(await sync_to_async(stored)())
    assert states[0] == states[1]
    await socket.close()
