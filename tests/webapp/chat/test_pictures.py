"""Pictures of answers: who sees them, what becomes of them, and who may keep one."""

import dataclasses
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from assistant.errors import NoRoomForPicture, PictureFailed, PictureRefused, TooManyPictures
from assistant.ports import GenerationEnd
from assistant.reply import GrowingReply, Written
from assistant.safety.canary import LEAKED
from tests.assistant.turns import WordGuard
from tests.image_server import ImageServer, png
from tests.webapp.chat.drawing import DRAWN, WISH, draw
from tests.webapp.chat.talking import end, send
from tests.webapp.site_settings import change_settings
from webapp import wiring
from webapp.accounts.models import User
from webapp.chat import temporary_keys, turn_log
from webapp.chat.errors import NotFound
from webapp.chat.models import Allowance, Conversation, Picture, Reply
from webapp.chat.services import ownership, pictures, turns
from webapp.chat.services.conversations import conversation_for
from webapp.chat.services.duplicating import duplicate
from webapp.chat.services.journal import ReplyJournal
from webapp.chat.services.pictures import ReplyAlbum
from webapp.chat.services.running import run_turn
from webapp.chat.services.steps import load_step, shown_steps
from webapp.chat.snapshots import snapshot
from webapp.moderation.models import Flag

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture
def reply(person: User) -> Reply:
    return Reply.objects.get(pk=end(send(person)).reply_id)


@pytest.fixture
def picture(reply: Reply) -> Picture:
    return draw(reply)


def address(picture: Picture) -> str:
    return f"/pictures/{picture.pk}/"


# Seeing


def test_its_owner_sees_it_as_a_file_that_can_do_nothing(
    person: User, picture: Picture, sign_in: Callable[[User], Client]
) -> None:
    """Whatever a server made us store: opened as a page it is a picture and nothing else."""
    answer = sign_in(person).get(address(picture))
    assert (answer.content, answer["Content-Type"]) == (png(), "image/png")
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Content-Disposition"] == f'inline; filename="picture-{picture.pk}.png"'


def test_a_browser_keeps_none_of_a_temporary_chat(
    person: User, picture: Picture, sign_in: Callable[[User], Client]
) -> None:
    Conversation.objects.filter(pk=picture.reply.conversation_id).update(is_temporary=True)
    temporary_keys.make(picture.reply.conversation_id)
    answer = sign_in(person).get(address(picture))
    assert answer["Cache-Control"] == "private, no-store"
    assert "ETag" not in answer


def test_a_browser_that_has_it_is_told_so_as_long_as_it_may_be_seen(
    person: User, picture: Picture, sign_in: Callable[[User], Client]
) -> None:
    browser = sign_in(person)
    fresh = browser.get(address(picture))
    etag = fresh["ETag"]
    again = browser.get(address(picture), HTTP_IF_NONE_MATCH=etag)
    assert (again.status_code, again.content) == (304, b"")
    for name in ("Content-Security-Policy", "Cache-Control", "X-Content-Type-Options", "ETag"):
        assert again[name] == fresh[name], "what a browser has takes the headers of the newest answer"
    Reply.objects.update(state=Reply.State.BLOCKED)
    assert browser.get(address(picture), HTTP_IF_NONE_MATCH=etag).status_code == 404


def test_nobody_else_sees_it(
    picture: Picture, somebody_else: User, sign_in: Callable[[User], Client], client: Client
) -> None:
    """It looks like one that never was; a guest who has just come sees none either."""
    stranger, guest = sign_in(somebody_else), client
    guest.post("/guest/")
    absent = [browser.get(f"/pictures/{uuid.uuid4()}/") for browser in (stranger, guest, Client())]
    found = [browser.get(address(picture)) for browser in (stranger, guest, Client())]
    assert {answer.status_code for answer in (*absent, *found)} == {404}
    assert len({answer.content for answer in (absent[2], found[2])}) == 1


@pytest.mark.parametrize("fields", [{"state": Reply.State.BLOCKED}, {"is_sealed": True}], ids=str)
def test_a_withheld_one_is_absent(
    person: User, picture: Picture, fields: dict[str, Any], sign_in: Callable[[User], Client]
) -> None:
    (Reply if "state" in fields else Picture).objects.update(**fields)
    assert sign_in(person).get(address(picture)).status_code == 404


def test_it_goes_with_its_chat(person: User, picture: Picture, sign_in: Callable[[User], Client]) -> None:
    browser = sign_in(person)
    browser.post(f"/c/{picture.reply.conversation_id}/delete/")
    assert browser.get(address(picture)).status_code == 404
    assert not Picture.objects.exists()


def test_the_page_and_the_snapshot_show_it_with_its_words(
    person: User, reply: Reply, picture: Picture, sign_in: Callable[[User], Client]
) -> None:
    """The room it takes is known before it is there."""
    html = sign_in(person).get(reply.conversation.get_absolute_url()).content.decode()
    assert f'<img src="{address(picture)}" alt="{WISH}" width="64" height="48" loading="lazy"' in html
    assert "Nobody has checked what it shows." in html
    (step,) = snapshot(reply)["steps"]
    assert step["picture"] == {"id": str(picture.pk), "width": 64, "height": 48}


def test_steps_from_before_there_were_pictures_are_read(reply: Reply) -> None:
    draw(reply)
    (old,) = reply.steps
    del old["picture"]
    assert load_step(old).picture is None
    assert shown_steps([old])[0]["picture"] is None


# Keeping


@pytest.fixture
def claim(person: User) -> ownership.Claim:
    claimed = ownership.claim(send(person).reply_id)
    assert claimed is not None
    return claimed


async def test_a_successor_finds_what_was_drawn_from_the_same_words(claim: ownership.Claim) -> None:
    """From others it draws anew, in the place of what nobody has seen."""
    kept = await ReplyAlbum(claim).keep(WISH, DRAWN)
    await Reply.objects.aupdate(epoch=claim.epoch + 1)
    successor = ReplyAlbum(ownership.Claim(reply_id=claim.reply_id, epoch=claim.epoch + 1))
    assert await successor.kept(WISH) == kept
    assert await successor.kept("a dog") is None
    other = await successor.keep("a dog", DRAWN)
    assert [str(picture.pk) async for picture in Picture.objects.all()] == [other.id] != [kept.id]


@pytest.mark.parametrize("change", [{"epoch": 7}, {"state": Reply.State.CANCELLED}], ids=str)
async def test_who_has_lost_the_turn_keeps_nothing(claim: ownership.Claim, change: dict[str, Any]) -> None:
    """Somebody else draws, or nobody wants it any more."""
    await Reply.objects.aupdate(**change)
    for keeps in (ReplyAlbum(claim).pay(), ReplyAlbum(claim).keep(WISH, DRAWN)):
        with pytest.raises(PictureFailed):
            await keeps
    assert not await Picture.objects.aexists()
    assert not await Allowance.objects.aexists()


async def test_pictures_have_so_much_room_and_those_of_others_take_none(
    claim: ownership.Claim, somebody_else: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused before anybody draws; what is kept already stays."""
    monkeypatch.setattr(pictures, "MAX_BYTES", len(DRAWN.content))
    theirs = await sync_to_async(send)(somebody_else)
    await sync_to_async(draw)(await Reply.objects.aget(pk=theirs.reply_id))
    album = ReplyAlbum(claim)
    await album.pay()
    await album.keep(WISH, DRAWN)
    assert await album.kept(WISH)
    with pytest.raises(NoRoomForPicture):
        await album.pay()


async def test_a_guest_has_less_room(claim: ownership.Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "GUEST_MAX_BYTES", 1)
    await ReplyAlbum(claim).keep(WISH, DRAWN)
    await ReplyAlbum(claim).pay()
    await User.objects.aupdate(is_guest=True)
    with pytest.raises(NoRoomForPicture):
        await ReplyAlbum(claim).pay()


@pytest.mark.parametrize("is_guest", [False, True])
async def test_so_many_pictures_fit_into_a_day(claim: ownership.Claim, settings: Any, *, is_guest: bool) -> None:
    """The refusal comes before anybody draws and says when the next one is due; what nobody kept was drawn as well."""
    await User.objects.aupdate(is_guest=is_guest)
    settings.TURNS = dataclasses.replace(
        settings.TURNS, pictures_per_day=1 if is_guest else 2, guest_pictures_per_day=2 if is_guest else 1
    )
    album = ReplyAlbum(claim)
    await album.pay()
    await album.pay()
    await album.give_back()
    await album.pay()
    with pytest.raises(TooManyPictures) as refusal:
        await album.pay()
    paid_off_at = (await Allowance.objects.aget()).pictures_paid_off_at
    assert paid_off_at is not None
    due = timezone.localtime(paid_off_at - timedelta(hours=12, seconds=-1))
    when = date_format(due, "TIME_FORMAT" if due.date() == timezone.localdate() else "SHORT_DATETIME_FORMAT")
    assert f"the 2 pictures that fit into a day. The next one can be drawn at {when}" in refusal.value.user_text
    await Allowance.objects.aupdate(pictures_paid_off_at=timezone.now() + timedelta(hours=11, minutes=59))
    await album.pay()


async def test_without_a_limit_nothing_is_counted(claim: ownership.Claim, settings: Any) -> None:
    settings.TURNS = dataclasses.replace(settings.TURNS, pictures_per_day=0)
    await ReplyAlbum(claim).pay()
    await ReplyAlbum(claim).give_back()
    assert not await Allowance.objects.aexists()


# Ends


@pytest.fixture
async def journal(claim: ownership.Claim) -> AsyncIterator[ReplyJournal]:
    redis = turn_log.connect()
    reply = await Reply.objects.aget(pk=claim.reply_id)
    yield ReplyJournal(claim, redis, created_at=reply.created_at)
    await redis.aclose()


async def test_one_that_came_too_late_to_be_shown_goes_with_a_stop(person: User, claim: ownership.Claim) -> None:
    """It was kept while the person stopped the answer: only an export would show it."""
    await ReplyAlbum(claim).keep(WISH, DRAWN)
    await sync_to_async(turns.stop)(person=person, reply_id=claim.reply_id)
    assert not await Picture.objects.aexists()


async def test_one_that_is_shown_stays_after_a_stop(person: User, claim: ownership.Claim) -> None:
    await sync_to_async(draw)(await Reply.objects.aget(pk=claim.reply_id))
    await sync_to_async(turns.stop)(person=person, reply_id=claim.reply_id)
    assert await Picture.objects.aexists()


async def test_one_that_the_answer_does_not_show_goes_when_it_is_done(
    claim: ownership.Claim, journal: ReplyJournal
) -> None:
    """An earlier worker had it drawn for a model that wanted none the second time."""
    await ReplyAlbum(claim).keep(WISH, DRAWN)
    reply = GrowingReply(Written())
    reply.add("Hello.", ())
    reply.close()
    await journal.finished(reply, GenerationEnd(finish_reason="stop"), ())
    assert not await Picture.objects.aexists()


async def test_one_that_is_withheld_without_a_word_is_deleted(claim: ownership.Claim, journal: ReplyJournal) -> None:
    """Nothing is kept then that could bring it back, and nothing that would delete it in time."""
    await ReplyAlbum(claim).keep(WISH, DRAWN)
    await journal.withheld("input", LEAKED, "")
    assert not await Picture.objects.aexists()


# Copies


def test_a_copy_of_a_chat_has_a_picture_of_its_own(person: User, reply: Reply, picture: Picture) -> None:
    copy = duplicate(conversation_for(person, reply.conversation_id))
    (answer,) = copy.replies.all()
    copied = Picture.objects.get(reply=answer)
    assert copied.pk != picture.pk
    assert answer.steps[0]["picture"] == {"id": str(copied.pk), "width": 64, "height": 48}
    reply.conversation.delete()
    assert bytes(Picture.objects.get().content) == png()


def test_a_copy_for_which_there_is_no_room_goes_without(
    person: User, reply: Reply, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copying one's chats again and again is no way to more room."""
    monkeypatch.setattr(pictures, "MAX_BYTES", len(DRAWN.content))
    copy = duplicate(conversation_for(person, reply.conversation_id))
    assert copy.replies.get().steps[0]["picture"] is None
    assert list(Picture.objects.all()) == [picture]


def test_an_answer_that_is_continued_takes_its_picture_along(person: User, reply: Reply, picture: Picture) -> None:
    Reply.objects.update(finish_reason="length")
    longer = Reply.objects.get(pk=turns.go_on(person=person, reply_id=reply.pk).reply_id)
    copied = Picture.objects.get(reply=longer)
    assert copied.pk != picture.pk
    assert longer.steps[0]["picture"]["id"] == str(copied.pk)
    assert Reply.objects.get(pk=reply.pk).steps[0]["picture"]["id"] == str(picture.pk)


def test_another_answer_begins_without_one(person: User, reply: Reply, picture: Picture) -> None:
    again = Reply.objects.get(pk=turns.retry(person=person, reply_id=reply.pk).reply_id)
    assert (again.steps, Picture.objects.count()) == ([], 1)


# The whole way


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ImageServer]:
    """A server that draws, and no other: what the model and the encoders would say is not asked for."""
    with ImageServer() as server:
        settings = {"image_url": server.url, "inference_model": "none", "encoders_url": "http://127.0.0.1:1"}
        change_settings(monkeypatch, **settings)
        yield server


async def answered(person: User, text: str) -> Reply:
    said = await sync_to_async(send)(person, text)
    await run_turn(said.reply_id)
    return await Reply.objects.aget(pk=said.reply_id)


@pytest.fixture
def _guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def guard(*_args: Any) -> WordGuard:
        return WordGuard("something else")

    monkeypatch.setattr("webapp.wiring.turns.connect_guard", guard)


@pytest.mark.usefixtures("_guarded")
async def test_a_wish_is_drawn_and_kept_with_the_answer(person: User, server: ImageServer) -> None:
    reply = await answered(person, "Draw a picture of a llama in a hat.")
    assert (reply.state, reply.text) == (Reply.State.DONE, "Here is your picture.")
    picture = await Picture.objects.aget(reply=reply)
    assert bytes(picture.content) == png()
    assert (reply.steps[0]["title"], reply.steps[0]["picture"]["id"]) == ("Drew a picture", str(picture.pk))
    assert [body["prompt"] for body in server.asked] == ["a llama in a hat"]
    assert (await Allowance.objects.aget()).pictures_paid_off_at is not None


@pytest.mark.usefixtures("_guarded")
@pytest.mark.parametrize(
    ("prompt", "says"),
    [("policy", "does not draw this"), ("broken", "could not be drawn"), ("revised", "did not pass the safety check")],
)
async def test_what_cannot_be_drawn_says_why(person: User, server: ImageServer, prompt: str, says: str) -> None:
    """The words that "revised" is drawn from are blocked by the guard of this test; that opens a case."""
    reply = await answered(person, f"Draw a picture of {prompt}")
    assert says in reply.text
    assert (reply.steps[0]["title"], reply.steps[0]["state"]) == ("Tried to draw a picture", "failed")
    assert not await Picture.objects.aexists()
    paid_off_at = (await Allowance.objects.aget()).pictures_paid_off_at
    assert (paid_off_at is not None and paid_off_at > timezone.now()) == (prompt == "revised"), "that was drawn"
    flags = [flag.source async for flag in Flag.objects.filter(case__reply=reply)]
    assert flags == (["guard_output"] if prompt == "revised" else [])


async def test_a_picture_beside_a_withheld_answer_is_sealed_with_it(
    person: User, server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard passes the wish, and blocks what is said of the picture that is there by then."""

    async def guard(*_args: Any) -> WordGuard:
        return WordGuard("Here is")

    monkeypatch.setattr("webapp.wiring.turns.connect_guard", guard)
    reply = await answered(person, "Draw a picture of a llama in a hat.")
    assert (reply.state, reply.steps) == (Reply.State.BLOCKED, [])
    picture = await Picture.objects.aget(reply=reply)
    assert picture.is_sealed and b"PNG" not in bytes(picture.content)
    with pytest.raises(NotFound):
        await sync_to_async(pictures.picture_for)(person, picture.pk)


@pytest.mark.usefixtures("_guarded")
async def test_what_is_said_of_it_is_in_the_language_of_the_person(
    person: User, server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of success and of failure: both are the answer as it stands."""
    monkeypatch.setattr("webapp.wiring.tools.gettext", lambda text: f"¡{text}!")
    assert (await answered(person, "Draw a picture of a llama")).text == "¡Here is your picture.!"
    assert (await answered(person, "Draw a picture of policy")).text == f"¡{PictureRefused.user_text}!"


@pytest.mark.usefixtures("_guarded")
async def test_only_the_turn_of_a_chat_can_draw(person: User, server: ImageServer, reply: Reply) -> None:
    """The playground, titles and follow-ups have no album, and so no such tool."""
    async with wiring.turn_services(person_id=person.pk) as services:
        assert "draw_picture" not in {tool.name for tool in services.tools}
    album = ReplyAlbum(ownership.Claim(reply_id=reply.pk, epoch=1))
    async with wiring.turn_services(person_id=person.pk, album=album) as services:
        assert "draw_picture" in {tool.name for tool in services.tools}
