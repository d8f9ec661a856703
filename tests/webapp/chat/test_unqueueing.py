"""What the socket says to whoever wants a waiting message back."""

import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from tests.webapp.chat.talking import end, send
from tests.webapp.chat.test_what_is_left import Socket
from webapp.accounts.models import User
from webapp.chat.services import queueing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

WAITING = uuid.UUID(int=1)


@pytest.fixture(autouse=True)
def _hints(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


def waits(person: User, *, is_sent: bool) -> None:
    """Something waited, and perhaps went out a moment ago."""
    first = send(person)
    queueing.queue(person=person, turn_id=WAITING, conversation_id=first.conversation_id, text="And then?")
    if is_sent:
        end(first)
        assert queueing.advance(first.conversation_id) is not None


async def answers_to(person: User, *, num_times: int = 1) -> list[bool]:
    """What is answered to `unqueue`: whether the message was sent."""
    socket = Socket(person)
    await socket.open()
    answers = []
    for _ in range(num_times):
        await socket.say(type="unqueue", turn_id=str(WAITING))
        answers.append((await socket.hear("unqueued"))["sent"])
    await socket.close()
    return answers


@pytest.mark.parametrize("is_sent", [False, True])
async def test_whether_it_was_too_late_is_said(person: User, is_sent: bool) -> None:
    """And again to a page that has not heard it: only what was not sent may be put back into the field."""
    await sync_to_async(waits)(person, is_sent=is_sent)
    assert await answers_to(person, num_times=2) == [is_sent, is_sent]


async def test_whether_anothers_was_sent_is_nobodys_business(person: User, somebody_else: User) -> None:
    await sync_to_async(waits)(person, is_sent=True)
    assert await answers_to(somebody_else) == [False]
