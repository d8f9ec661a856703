"""The chat without a websocket: server-sent events and posted commands, through the whole ASGI application."""

import json
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import get_channel_layer
from django.test import Client
from django.utils import timezone

from assistant.events import Done, Status
from tests.webapp.chat.talking import send
from tests.webapp.chat.test_what_is_left import Socket
from tests.webapp.chat.test_withholding import BLOCK, MARKER, NOT_SHOWN, SHOWN, write
from webapp import rate_limits
from webapp.accounts.models import User
from webapp.asgi import application
from webapp.chat import event_stream, hints, turn_log
from webapp.chat.cursor import Cursor
from webapp.chat.models import Message, Reply
from webapp.chat.services import ownership
from webapp.chat.services.journal import ReplyJournal
from webapp.pace import Pace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def _hints(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
def browser(sign_in: SignIn, person: User) -> Client:
    return sign_in(person)


class Stream:
    """A page's stream. `async with Stream(browser, reply_id) as stream: await stream.hear("hello")`"""

    def __init__(self, browser: Client, *follow: object, last_event_id: str = "", method: str = "GET") -> None:
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
        headers = {"host": "testserver", "cookie": cookies, "last-event-id": last_event_id}
        scope = {
            "type": "http",
            "method": method,
            "path": "/sse/chat/",
            "query_string": "&".join(f"follow={wanted}" for wanted in follow).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value],
        }
        self._application = ApplicationCommunicator(application, scope)
        self.last_id = ""

    async def __aenter__(self) -> Self:
        await self._application.send_input({"type": "http.request", "body": b"", "more_body": False})
        start = await self._application.receive_output(5)
        self.status, self.headers = start["status"], dict(start["headers"])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._application.send_input({"type": "http.disconnect"})
        await self._application.wait(5)

    async def next(self) -> dict[str, Any] | None:
        """What is said next; None at the end."""
        while True:
            part = await self._application.receive_output(5)
            if not part["more_body"]:
                return None
            lines = dict(line.split(": ", 1) for line in part["body"].decode().splitlines() if line)
            if "data" in lines:
                self.last_id = lines["id"]
                return json.loads(lines["data"])

    async def hear(self, kind: str) -> dict[str, Any]:
        while True:
            message = await self.next()
            assert message is not None, f"the stream ended without {kind}"
            if message["type"] == kind:
                return message


async def written(reply_id: uuid.UUID, index: int, state: str = "") -> None:
    """The row and the log have one event more."""
    final = {"state": state} if state else {}
    await Reply.objects.filter(pk=reply_id).aupdate(**{"state": "running", "epoch": 1, "event_index": index, **final})
    event = Done(state="done", finish_reason="stop") if state else Status(phase="thinking")
    redis = turn_log.connect()
    assert await turn_log.append(redis, reply_id, Cursor(1, index), [event])
    await redis.aclose()


async def test_who_comes_back_hears_what_they_missed_and_no_more(browser: Client, person: User) -> None:
    """The id of an event is all that a browser needs; where the log cannot tell, the snapshot comes."""
    reply_id = (await sync_to_async(send)(person)).reply_id
    await written(reply_id, 1)
    async with Stream(browser, reply_id) as stream:
        assert (stream.status, stream.headers[b"content-type"]) == (200, b"text/event-stream")
        assert stream.headers[b"x-accel-buffering"] == b"no"
        assert (await stream.hear("hello"))["limits"] is None
        assert (await stream.hear("snapshot"))["cursor"] == "1-1"
        await written(reply_id, 2)
        assert (await stream.hear("status"))["cursor"] == "1-2"
    assert stream.last_id == f"{reply_id}@1-2"
    await written(reply_id, 3)
    # Its address still names the place where it began: the id counts.
    async with Stream(browser, f"{reply_id}@1-1", last_event_id=stream.last_id) as again:
        await again.hear("hello")
        missed = await again.next()
        # Not before: whoever comes back to an answer that has ended gets the whole of it.
        await written(reply_id, 4, "done")
        told = [missed, await again.next()]
        assert [(event["type"], event["cursor"]) for event in told if event] == [("status", "1-3"), ("done", "1-4")]
    assert again.last_id == event_stream.NOTHING
    async with Stream(browser, last_event_id=f"{reply_id}@0-9") as late:
        assert (await late.hear("snapshot"))["state"] == "done"


async def test_a_withheld_answer_is_taken_back_and_stays_away(browser: Client, person: User) -> None:
    """Also for whoever comes back with an event from before."""
    reply_id = (await sync_to_async(send)(person)).reply_id
    claim = await sync_to_async(ownership.claim)(reply_id)
    assert claim
    redis = turn_log.connect()
    journal = ReplyJournal(claim, redis, created_at=timezone.now())
    async with Stream(browser, reply_id) as stream:
        await stream.hear("snapshot")
        await write(journal, SHOWN)
        assert MARKER in str(await stream.hear("tail"))
        seen = stream.last_id
        await journal.withheld("output", BLOCK, SHOWN + NOT_SHOWN)
        assert "withheld" in (await stream.hear("retract"))["html"]
        assert (await stream.hear("done"))["state"] == "blocked"
    await redis.aclose()
    async with Stream(browser, reply_id, last_event_id=seen) as late:
        told = [await late.next() for _ in range(3)]
    assert [event["type"] for event in told if event] == ["hello", "retract", "done"]
    assert MARKER not in str(told)


async def test_a_command_is_answered_and_its_answer_streams(browser: Client, person: User) -> None:
    """The same acknowledgement twice, other pages are told, and what a stream is for cannot be posted."""
    turn_id = str(uuid.uuid4())
    command = {"type": "send", "turn_id": turn_id, "conversation": None, "parent": None, "text": "Hi"}

    def say(**fields: Any) -> list[dict[str, Any]]:
        answer = browser.post("/commands/", json.dumps(fields), content_type="application/json")
        assert answer.status_code == 200
        return answer.json()

    async with Stream(browser) as other_page:
        await other_page.hear("hello")
        (ack,) = await sync_to_async(say)(**command)
        assert (ack["type"], ack["turn_id"]) == ("ack", turn_id)
        assert (await other_page.hear("hint"))["reply"] == ack["reply"]
    assert await sync_to_async(say)(**command) == [ack]
    assert await Message.objects.acount() == 1
    assert await sync_to_async(say)(type="stop", reply=ack["reply"]) == []
    assert (await Reply.objects.aget()).state == "cancelled"
    for refused in ({"type": "subscribe", "reply": ack["reply"]}, {"type": "unsubscribe", "reply": ack["reply"]}, {}):
        assert [told["code"] for told in await sync_to_async(say)(**refused)] == ["malformed"]
    person.suspended_until = datetime(2999, 1, 1, tzinfo=UTC)
    await person.asave()
    (refusal,) = await sync_to_async(say)(**{**command, "turn_id": str(uuid.uuid4())})
    assert (refusal["type"], refusal["code"]) == ("refused", "suspended")


async def test_nobody_reads_along(browser: Client, somebody_else: User) -> None:
    """What is another's is not there, a stranger is told so, and only reading is reading."""
    theirs = (await sync_to_async(send)(somebody_else)).reply_id
    async with Stream(browser, theirs, "no-id", uuid.uuid4()) as stream:
        await stream.hear("hello")
        assert [(await stream.hear("error"))["code"] for _ in range(2)] == ["not_found"] * 2
    stranger = Client()
    async with Stream(stranger, theirs) as stream:
        assert [await stream.next(), await stream.next()] == [{"type": "denied"}, None]
    assert (await sync_to_async(stranger.post)("/commands/", "{}", content_type="application/json")).status_code == 401
    async with Stream(browser, method="POST") as stream:
        assert stream.status == 405


async def test_logging_out_ends_it_and_so_does_time(
    browser: Client, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signs of life come until then."""
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.02)
    async with Stream(browser) as stream:
        await stream.hear("pong")
        await sync_to_async(browser.logout)()
        await stream.hear("denied")
        assert await stream.next() is None
    await sync_to_async(browser.force_login)(person, backend="django.contrib.auth.backends.ModelBackend")
    monkeypatch.setattr(event_stream, "LIFE_S", 0.03)
    async with Stream(browser) as stream:
        await stream.hear("hello")
        while message := await stream.next():
            assert message["type"] == "pong"


async def test_streams_that_wait_hold_no_thread(browser: Client, person: User) -> None:
    """Everybody on such a network has one open all day. What is told to everybody reaches each."""
    reply_id = (await sync_to_async(send)(person)).reply_id
    streams = [Stream(browser, reply_id) for _ in range(12)]
    before = 0
    for stream in streams:
        await stream.__aenter__()
        await stream.hear("snapshot")
        before = before or threading.active_count()
    assert threading.active_count() <= before
    assert await hints.model_is_away({"for_s": 70})
    for stream in streams:
        assert (await stream.hear("hint"))["away"] == {"for_s": 70}
        await stream.__aexit__()
    assert get_channel_layer().groups.get(hints.EVERYBODY, {}) == {}


async def test_a_flood_is_slowed_and_then_cut_off(
    browser: Client, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the socket, on the stream and with posts it is one pace: the second way in is no way around."""
    monkeypatch.setitem(rate_limits.PACES, "command", Pace(limit=2, period_s=0.4))
    socket = Socket(person)
    await socket.open()
    for _ in range(5):
        await socket.say(type="ping")
    for _ in range(5):
        await socket.hear("pong")  # later, but each

    monkeypatch.setitem(rate_limits.PACES, "command", Pace(limit=1, period_s=60))
    for _ in range(2):
        await socket.say(type="ping")
    assert (await socket.hear("error"))["code"] == "too_fast"
    assert await socket.closed_with() == 4429
    posted = await sync_to_async(browser.post)("/commands/", '{"type": "ping"}', content_type="application/json")
    assert (posted.status_code, posted["Retry-After"].isdigit()) == (429, True)
    async with Stream(browser) as stream:
        assert stream.status == 429


async def test_each_answer_that_a_stream_follows_counts(
    browser: Client, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request is no way to many subscriptions: they come later, and far too many end it. All stand in each id."""
    reply_id = (await sync_to_async(send)(person)).reply_id
    many = [reply_id, uuid.uuid4(), uuid.uuid4()]
    monkeypatch.setitem(rate_limits.PACES, "command", Pace(limit=2, period_s=0.4))
    async with Stream(browser, *many) as stream:
        await stream.hear("hello")
        assert stream.last_id == ",".join(map(str, many))
        for _ in many[1:]:
            await stream.hear("error")
    monkeypatch.setitem(rate_limits.PACES, "command", Pace(limit=2, period_s=60))
    async with Stream(browser, *many) as stream:
        assert stream.status == 200
        while message := await stream.next():
            assert message["type"] in {"hello", "snapshot", "error"}
