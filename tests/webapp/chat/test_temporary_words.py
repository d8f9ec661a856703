"""What is written in a temporary chat is on no disk that anybody could read, and when it has ended it is nowhere."""

import logging
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test import Client
from django.utils import timezone

from assistant.ports import (
    DrawnPicture,
    GeneratedPiece,
    GenerationEnd,
    GenerationRequest,
    Passage,
    ToolCall,
)
from assistant.reply import GrowingReply, Written
from assistant.tools.steps import Step
from assistant.window import Filled
from tests.assistant.turns import NoCode, Shelf, WordGuard
from tests.conftest import RedisServer
from tests.webapp.chat.drawing import WISH, draw
from tests.webapp.chat.talking import end, send
from tests.webapp.moderation.making import close, make_moderator
from webapp import jobs, wiring
from webapp.accounts.models import User
from webapp.chat import temporary_keys, turn_log
from webapp.chat.errors import Ended, TemporaryAway
from webapp.chat.following import follow
from webapp.chat.models import Conversation, Feedback, Message, Picture, Reply, Summary
from webapp.chat.models.sealing import MARK, Sealed
from webapp.chat.services import feedback, ownership, queueing, temporary, turns
from webapp.chat.services.journal import ReplyJournal
from webapp.chat.services.ownership import Claim
from webapp.chat.services.pictures import ReplyAlbum
from webapp.chat.services.running import run_turn
from webapp.chat.services.turns import Accepted
from webapp.moderation.models import Appeal, Case, Review
from webapp.moderation.services import originals, reports, retention
from webapp.moderation.services.consequences import carry_out_due
from webapp.moderation.services.looks import Piece, look
from webapp.moderation.services.withholding import withhold
from webapp.privacy.services.contents import of as exported

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

SignIn = Callable[[User], Client]
MARKER = "Xylograph"
"""In every word that is written here; a title of a library's document, too."""
DEADLY = "Quixotry"
QUESTION, ANSWER = f"{MARKER} asked", f"{MARKER} answered."
SOURCE = Passage(
    passage_id=1,
    document_id="1",
    title=f"{MARKER} titled",
    text=f"{MARKER} quoted",
    url="/library/1/",
    score=0.9,
    char_start=0,
    char_end=9,
)


def disk() -> bytes:
    """All that the database has on disk, its log and its search index included, and all media."""
    found = [_tables()]
    if connection.vendor == "sqlite":
        name = Path(connection.settings_dict["NAME"])
        found += [path.read_bytes() for path in name.parent.glob(f"{name.name}*")]
    found += [path.read_bytes() for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
    return b"\n".join(found)


def _tables() -> bytes:
    rows: list[Any] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += cursor.fetchall()
    return b"\n".join(
        bytes(each) if isinstance(each, bytes | memoryview) else str(each).encode() for row in rows for each in row
    )


class Echo:
    """Answers with the marker."""

    def __init__(self, text: str = ANSWER) -> None:
        self.text = text

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        for number, word in enumerate(self.text.split(" ")):
            yield GeneratedPiece(text=word if number == 0 else f" {word}", token_ids=(number,))
        yield GenerationEnd(finish_reason="stop", prompt_tokens=1, reply_tokens=2)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def serve(text: str = ANSWER, *, model: Echo | None = None) -> None:
        services = wiring.TurnServices(
            model=model or Echo(text),
            model_id="echo",
            model_name="Echo",
            guard=WordGuard(DEADLY),
            code_shield=NoCode(),
            index=Shelf(SOURCE),
            tools=(),
            calls_tools=False,
            is_small=True,
            canary_of=lambda _day: "",
        )

        @asynccontextmanager
        async def turn_services(**_asked: Any) -> AsyncGenerator[wiring.TurnServices, None]:
            yield services

        monkeypatch.setattr(wiring, "turn_services", turn_services)
        monkeypatch.setattr(jobs, "_enqueue", lambda *_args, **_options: True)  # what comes after an answer

    serve()
    return serve


@contextmanager
def keys_away() -> Iterator[None]:
    """The volatile Redis does not answer."""

    def away(_what: object) -> None:
        raise TemporaryAway

    with pytest.MonkeyPatch.context() as patch:
        temporary_keys._trusted.clear()
        patch.setattr(temporary_keys, "_asked", away)
        yield


class Interrupted(Echo):
    """When its last words come, the keys go away."""

    def __init__(self, away: ExitStack) -> None:
        super().__init__()
        self.away = away

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        async for piece in super().stream(request):
            if isinstance(piece, GenerationEnd):
                self.away.enter_context(keys_away())
            yield piece


async def said(person: User, text: str = QUESTION, *, after: Accepted | None = None) -> Accepted:
    accepted = await sync_to_async(send)(person, text, after=after, is_temporary=True)
    await run_turn(accepted.reply_id)
    return accepted


async def under_way(accepted: Accepted) -> None:
    """What a turn with a tool, a source and a picture has in its row while it is written."""
    claim = await sync_to_async(ownership.claim)(accepted.reply_id)
    assert claim is not None
    redis = turn_log.connect()
    journal = ReplyJournal(claim, redis, created_at=timezone.now())
    call = ToolCall(id="1", name="library", arguments=f'{{"query": "{MARKER} searched"}}')
    step = Step(index=0, tool="library", title="", state="done", input=f"{MARKER} in", text=f"{MARKER} out", call=call)
    await journal.step(step)
    await journal.quoted([SOURCE], Filled(room=10, instructions=1, question=1))
    album = ReplyAlbum(claim)
    picture = DrawnPicture(content=MARKER.encode(), media_type="image/png", width=1, height=1)
    await album.keep(WISH, picture)
    assert await album.kept(WISH) is not None
    reply = GrowingReply(Written())
    reply.add(f"{MARKER} first.\n\n{MARKER} sec", ())
    await journal.wrote(reply)
    await redis.aclose()


def beside(person: User, accepted: Accepted) -> None:
    """What is kept with an answer that is over."""
    feedback.give(person=person, reply_id=accepted.reply_id, thumb=-1)
    feedback.explain(person=person, reply_id=accepted.reply_id, reasons=[], text=f"{MARKER} I think")
    summed_up = {"text": f"{MARKER} summed up", "covers": "0", "finished_at": timezone.now()}
    Summary.objects.create(reply_id=accepted.reply_id, **summed_up)
    Reply.objects.filter(pk=accepted.reply_id).update(followups=[f"{MARKER} next?"])


@pytest.mark.django_db(transaction=True)
async def test_no_word_of_it_is_on_disk(
    person: User, sign_in: SignIn, served: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """Of a whole chat: sources, tools, a picture, what waits, a summary, a thumb, a refusal and a report. Its person
    reads all of it."""
    caplog.set_level(logging.INFO)
    first = await said(person)
    await sync_to_async(beside)(person, first)
    second = await sync_to_async(send)(person, QUESTION, after=first)
    await under_way(second)
    await sync_to_async(queueing.queue)(
        person=person, turn_id=uuid.uuid4(), conversation_id=second.conversation_id, text=f"{MARKER} waits"
    )

    snapshot = await anext(follow(second.reply_id, None))
    assert all(words in str(snapshot) for words in (f"{MARKER} first.", f"{MARKER} sec", SOURCE.title, f"{MARKER} in"))
    page = await sync_to_async(lambda: sign_in(person).get(f"/c/{first.conversation_id}/"))()
    for words in (QUESTION, ANSWER, f"{MARKER} waits", f"{MARKER} next?", SOURCE.title):
        assert words in page.content.decode()
    assert (await Picture.objects.aget()).content == MARKER.encode()
    assert (await Summary.objects.aget()).text == f"{MARKER} summed up"
    assert (await Feedback.objects.aget()).text == f"{MARKER} I think"

    await sync_to_async(turns.stop)(person=person, reply_id=second.reply_id)
    third = await said(person, f"{MARKER} {DEADLY}", after=second)
    assert (await Reply.objects.aget(pk=third.reply_id)).state == Reply.State.BLOCKED
    served(f"{ANSWER} {DEADLY}")
    fourth = await said(person, after=third)
    assert (await Reply.objects.aget(pk=fourth.reply_id)).state == Reply.State.BLOCKED
    await sync_to_async(reports.report)(person, first.reply_id, "wrong")

    on_disk = await sync_to_async(disk)()
    assert first.conversation_id.hex.encode() in on_disk or str(first.conversation_id).encode() in on_disk
    assert MARKER.encode() not in on_disk
    assert DEADLY.encode() not in on_disk
    assert not any(MARKER in str(record.__dict__) for record in caplog.records)
    assert MARKER not in str(await sync_to_async(exported)(person))


def test_a_copy_made_before_cannot_be_read_after_its_end(person: User, sign_in: SignIn) -> None:
    """What a backup holds: the same sealed values. They open while the page is open."""
    mine = end(send(person, QUESTION, is_temporary=True), text=ANSWER)
    (copied,) = Message.objects.values_list("text", flat=True)
    place = f"chat_message.text {mine.turn_id}"
    assert isinstance(copied, Sealed)
    assert copied.opened(place) == QUESTION.encode()
    sign_in(person).post(f"/c/{mine.conversation_id}/close/")
    with pytest.raises(Ended):
        copied.opened(place)


def test_a_sealed_value_opens_in_its_own_place_only(person: User) -> None:
    mine = end(send(person, QUESTION, is_temporary=True), text=ANSWER)
    other = send(person, f"{QUESTION} again", after=mine)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE chat_message SET text = (SELECT max(text) FROM chat_message)")
        cursor.execute("UPDATE chat_reply SET tail = (SELECT max(text) FROM chat_reply)")
    assert sorted(message.is_unread for message in Message.objects.all()) == [False, True]
    assert Reply.objects.get(pk=mine.reply_id).tail == ""
    assert Reply.objects.get(pk=other.reply_id).tail == ""


@pytest.mark.django_db(transaction=True)
async def test_without_its_key_it_has_ended_and_nothing_breaks(
    person: User, sign_in: SignIn, served: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """Valkey was restarted, or the page was silent. Whatever is asked of it says so; what was begun comes to an end."""
    mine = await said(person)
    waiting = await sync_to_async(send)(person, QUESTION, after=mine)
    temporary_keys.forget([mine.conversation_id])
    client, chat = await sync_to_async(sign_in)(person), f"/c/{mine.conversation_id}/"
    page = await sync_to_async(client.get)(chat)
    assert (page.status_code, "This temporary chat has ended." in page.content.decode()) == (404, True)
    for address in ("turns/", "queue/", "map/", "window/", f"?at={mine.reply_id}"):
        assert (await sync_to_async(client.get)(f"{chat}{address}")).status_code == 404, address
    for address in ("seen/", "rename/", "select/", "delete/"):
        assert (await sync_to_async(client.post)(f"{chat}{address}", {"title": "x"})).status_code == 404, address
    for act in (turns.retry, turns.go_on, turns.stop):
        with pytest.raises(Ended):
            await sync_to_async(act)(person=person, reply_id=mine.reply_id)
    with pytest.raises(Ended):
        await anext(follow(mine.reply_id, None))
    with pytest.raises(Ended):
        await sync_to_async(send)(person, "More", after=mine)
    assert (await Reply.objects.aget(pk=mine.reply_id)).text == ""
    await run_turn(waiting.reply_id)
    assert not await Conversation.objects.aexists()
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]


def test_what_cannot_be_read_for_a_moment_is_not_lost(
    person: User, sign_in: SignIn, redis: RedisServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The volatile Redis does not answer: nothing ends, and a row that is saved keeps what it holds."""
    mine = end(send(person, QUESTION, is_temporary=True), text=ANSWER)
    temporary_keys._trusted.clear()
    monkeypatch.setattr(temporary_keys, "_away_since", temporary_keys._away_since)
    settings.VOLATILE_REDIS_URL = "unix:///nowhere/redis.sock"
    client = sign_in(person)
    assert client.get(f"/c/{mine.conversation_id}/").status_code == 503
    assert client.post(f"/c/{mine.conversation_id}/seen/").status_code == 503
    with pytest.raises(TemporaryAway):
        send(person, "Another", is_temporary=True)
    with pytest.raises(TemporaryAway):
        Reply.objects.update(text="Not sealed")
    reply = Reply.objects.get(pk=mine.reply_id)
    reply.finish_reason = "stop"
    reply.save()
    settings.VOLATILE_REDIS_URL = redis.url
    temporary_keys._away_since = float("-inf")
    assert Reply.objects.get(pk=mine.reply_id).text == ANSWER
    assert client.get(f"/c/{mine.conversation_id}/").status_code == 200


@pytest.mark.django_db(transaction=True)
async def test_an_answer_whose_key_is_away_for_a_moment_has_not_failed(
    person: User, served: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """It is written on when its lease has run out."""
    with ExitStack() as away:
        served(model=Interrupted(away))
        accepted = await said(person)
    reply = await Reply.objects.aget(pk=accepted.reply_id)
    assert (reply.state, reply.failures) == (Reply.State.RUNNING, 0)
    assert "turn_unreadable" in caplog.text
    assert "turn_failed" not in caplog.text
    await Reply.objects.aupdate(lease_until=timezone.now() - timedelta(seconds=1))
    served()
    await run_turn(accepted.reply_id)
    reply = await Reply.objects.aget(pk=accepted.reply_id)
    assert (reply.state, reply.failures) == (Reply.State.DONE, 0)
    assert reply.text.endswith(ANSWER)


@pytest.mark.parametrize("num_unchecked", [0, 5])
def test_what_ends_while_it_cannot_be_read_keeps_what_was_checked(person: User, num_unchecked: int) -> None:
    """Its picture, too. Of a text that was not read to its end nobody can tell how much was."""
    mine = end(
        send(person, QUESTION, is_temporary=True),
        "running",
        text=ANSWER,
        tail=f"<p>{MARKER} open</p>",
        unchecked_chars=num_unchecked,
    )
    picture = draw(Reply.objects.get(pk=mine.reply_id))
    with keys_away():
        assert ownership.fail(Claim(reply_id=mine.reply_id, epoch=0), "internal") is not None
    reply = Reply.objects.get(pk=mine.reply_id)
    assert (reply.state, reply.is_unread, reply.unchecked_chars) == (Reply.State.FAILED, False, 0)
    assert reply.steps[0]["picture"]["id"] == str(picture.pk)
    assert Picture.objects.get().content == picture.content
    if num_unchecked:
        assert (reply.text, reply.token_ids, reply.blocks, reply.tail) == ("", [], [], "")
    else:
        assert (reply.text, reply.blocks) == (ANSWER, [f"<p>{ANSWER}</p>"])


def test_what_is_read_again_says_whether_it_could_be_read(person: User) -> None:
    """Or saving it would write nothing in the place of its words, or old words in the place of nothing."""
    mine = end(send(person, QUESTION, is_temporary=True), text=ANSWER, tail=f"{MARKER} open")
    seen, later = Reply.objects.get(pk=mine.reply_id), Reply.objects.defer("text").get(pk=mine.reply_id)
    with keys_away():
        seen.refresh_from_db(fields=["text"])
        assert (seen.text, later.text) == ("", "")
    for row in (seen, later):
        assert (set(row.unread), row.tail) == ({"text"}, f"{MARKER} open")
        row.save()
        assert Reply.objects.get(pk=mine.reply_id).text == ANSWER
    seen.refresh_from_db()
    assert (seen.text, seen.is_unread) == (ANSWER, False)
    seen.text = ""
    seen.save()
    assert Reply.objects.get(pk=mine.reply_id).text == ""


def test_an_open_page_and_what_is_written_keep_the_key(person: User, sign_in: SignIn, redis: RedisServer) -> None:
    """A look does not: the staff may read for as long as the page is open, and not longer."""
    mine = end(send(person, QUESTION, is_temporary=True), text=ANSWER)
    name = temporary_keys._name(mine.conversation_id)

    def left_s(act: Callable[[], Any]) -> int:
        temporary_keys._redis().expire(name, 30)
        temporary_keys._trusted.clear()
        act()
        return int(temporary_keys._redis().ttl(name))

    assert left_s(lambda: list(Message.objects.all())) <= 30
    assert left_s(lambda: sign_in(person).post(f"/c/{mine.conversation_id}/seen/")) > 500
    assert left_s(lambda: end(mine, text=f"{ANSWER} More.")) > 500


def test_a_redis_that_writes_to_a_disk_is_an_error(
    redis: RedisServer, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """That of the tests has a file. One that is away is found out otherwise."""
    assert not temporary_keys.check_redis()
    assert "volatile_redis_is_not_volatile" in caplog.text
    client = temporary_keys._redis()
    client.config_set("appendonly", "no")
    assert temporary_keys.check_redis()
    client.config_set("appendonly", "yes")
    settings.VOLATILE_REDIS_URL = "unix:///nowhere/redis.sock"
    assert temporary_keys.check_redis()


def test_other_chats_are_stored_as_they_are(person: User) -> None:
    """Also where somebody writes what looks sealed; and an expression goes nowhere where it could not be sealed."""
    forged = f"{MARK}{MARK}{'A' * 80}"
    kept = end(send(person, forged))
    mine = end(send(person, QUESTION, is_temporary=True), text=ANSWER)
    assert Message.objects.get(pk=kept.turn_id).text == "A" * 80
    assert Message.objects.filter(text="A" * 80).exists()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE chat_message SET text = %s WHERE conversation_id = %s", [f"{MARK}old", _raw(kept)])
    assert Message.objects.get(pk=kept.turn_id).text == f"{MARK}old"
    assert Reply.objects.update(text="Both") == 2
    assert {reply.text for reply in Reply.objects.all()} == {"Both"}
    for expression in (F("tail"), Concat(F("text"), Value("!"))):
        with pytest.raises(TypeError):
            Reply.objects.update(text=expression)
    (plain, sealed) = (
        Reply.objects.filter(pk=each.reply_id).values_list("text", flat=True)[0] for each in (kept, mine)
    )
    assert plain == "Both"
    assert isinstance(sealed, Sealed)


def _raw(accepted: Accepted) -> str:
    """The id of the conversation as the database has it."""
    return accepted.conversation_id.hex if connection.vendor == "sqlite" else str(accepted.conversation_id)


def words(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


async def flagged(person: User, served: Callable[..., None]) -> tuple[Accepted, Accepted, Accepted]:
    """A message that was withheld, an answer that was, and one that was shown and reported; the chat has ended."""
    message = await said(person, f"{QUESTION} {DEADLY}")
    served(f"{ANSWER} {DEADLY}")
    answer = await said(person, QUESTION, after=message)
    served()
    shown = await said(person, f"{QUESTION} last", after=answer)
    await said(person, f"{QUESTION} unseen", after=shown)
    await sync_to_async(reports.report)(person, shown.reply_id, "wrong", "Not true")
    await sync_to_async(temporary.end)(Conversation.objects.all())
    return message, answer, shown


@pytest.mark.django_db(transaction=True)
async def test_what_was_withheld_or_reported_is_still_looked_at(person: User, served: Callable[..., None]) -> None:
    """Each of these turns alone, by who decides its case, and by nobody else."""
    message, answer, shown = await flagged(person, served)

    def check() -> None:
        assert Reply.objects.count() == Message.objects.count() == Case.objects.count() == 3
        moderator = make_moderator()
        read = {}
        for case in Case.objects.all():
            (turn,) = look(case, staff=moderator).turns
            read[case.reply_id] = (words(turn.question), words(turn.answer))
        assert read == {
            message.reply_id: (f"{QUESTION} {DEADLY}", ""),
            answer.reply_id: (QUESTION, f"{ANSWER} {DEADLY}"),
            shown.reply_id: (f"{QUESTION} last", ANSWER),
        }
        assert all(row.is_unread for row in Message.objects.all())
        assert MARKER.encode() not in disk()
        assert withhold(shown.reply_id, category="hate") == ()  # nobody is shown it any more

    await sync_to_async(check)()


@pytest.mark.django_db(transaction=True)
async def test_what_was_withheld_is_appealed_from_the_page_about_safety(
    person: User, sign_in: SignIn, served: Callable[..., None]
) -> None:
    """Also when the chat has ended. What is granted cannot come back; the person is told so."""
    message, answer, _shown = await flagged(person, served)

    def check() -> None:
        client = sign_in(person)
        mine = client.get("/safety/mine/").content.decode()
        assert "In a temporary chat that has ended." in mine
        assert str(message.conversation_id) not in mine
        for accepted in (message, answer):
            assert client.post("/safety/mine/", {"reply": str(accepted.reply_id), "text": "Why?"}).status_code == 302
        moderator = make_moderator()
        for case in Case.objects.filter(appeals__state=Appeal.State.PENDING):
            look(case, staff=moderator)
            close(case, moderator, "disagreed")
        Review.objects.update(due_at=timezone.now())
        carry_out_due()
        assert {appeal.state for appeal in Appeal.objects.all()} == {Appeal.State.GRANTED}
        assert client.get("/safety/mine/").content.decode().count("please ask again") == 2
        assert not Reply.objects.exclude(state__in=(Reply.State.BLOCKED, Reply.State.DONE)).exists()

    await sync_to_async(check)()


@pytest.mark.django_db(transaction=True)
async def test_what_is_left_goes_with_its_case(person: User, served: Callable[..., None], settings: Any) -> None:
    """In the time of any case; the person may erase it sooner, with all they have."""
    await flagged(person, served)

    def check() -> None:
        assert retention.tidy().temporary_chats == 0
        long_ago = timezone.now() - timedelta(days=settings.MODERATION.closed_case_days + 1)
        Case.objects.update(state=Case.State.CLOSED, closed_at=long_ago)
        assert retention.tidy().temporary_chats == 1
        assert not Conversation.objects.exists()

    await sync_to_async(check)()


def test_a_moderator_takes_an_answer_away_while_its_chat_is_open(person: User) -> None:
    """The words of its other versions are found without the database reading them."""
    first = end(send(person, QUESTION, is_temporary=True), text=ANSWER)
    again = end(turns.retry(person=person, reply_id=first.reply_id), text=ANSWER)
    other = end(send(person, f"{QUESTION} else", after=first), text=ANSWER)
    reports.report(person, first.reply_id, "hateful")
    assert set(withhold(first.reply_id, category="hate")) == {first.reply_id, again.reply_id}
    assert Reply.objects.get(pk=other.reply_id).text == ANSWER
    kept = originals.read(first.reply_id)
    assert kept is not None and kept.text == ANSWER
    assert MARKER.encode() not in disk()
