"""Documents go with a message: stored by their owner only, kept on every way a message takes."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from tests.webapp.chat.talking import end, send
from tests.webapp.chat.test_what_is_left import Socket
from webapp.accounts.models import User
from webapp.chat import pages
from webapp.chat.commands import MAX_ATTACHMENTS, parse_command
from webapp.chat.errors import MalformedCommand
from webapp.chat.models import Message, QueuedMessage, Reply
from webapp.chat.services import attachments, queueing, turns
from webapp.chat.services.conversations import conversation_for
from webapp.chat.services.duplicating import duplicate
from webapp.library.models import Document
from webapp.library.services.documents import add_document, delete_document
from webapp.sharing.services import exporting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def _hints(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
def document(person: User) -> Document:
    return add_document(owner=person, title="Trip <plan>", text="We walk.")


def stored(message_id: uuid.UUID) -> list[str]:
    found: list[str] = Message.objects.get(pk=message_id).attachments
    return found


def test_only_ones_own_documents_are_stored(person: User, somebody_else: User, document: Document) -> None:
    """A foreign id, a deleted one and a sample are left out; the message goes."""
    foreign = add_document(owner=somebody_else, title="Diary", text="Dear diary.")
    sample = add_document(owner=None, title="Help", text="Help.")
    deleted = add_document(owner=person, title="Old", text="Old.")
    delete_document(deleted)
    ids = (foreign.pk, document.pk, sample.pk, deleted.pk, uuid.uuid4())
    said = send(person, attachments=ids)
    assert stored(said.turn_id) == [str(document.pk)]
    assert attachments.are_missing(person, ids)
    assert not attachments.are_missing(person, [document.pk])


def test_a_double_stands_for_the_document_it_says_the_same_as(person: User, document: Document) -> None:
    """The composer may still know the id of the second."""
    double = Document.objects.create(owner=person, title="Again")
    delete_document(double)
    Document.objects.filter(pk=double.pk).update(same_as=document)
    said = send(person, attachments=(double.pk, document.pk))
    assert stored(said.turn_id) == [str(document.pk)]
    assert not attachments.are_missing(person, [double.pk])


def test_a_temporary_chat_has_none(person: User, document: Document) -> None:
    """Files stay in the library, and that is what such a chat promises not to do."""
    said = send(person, is_temporary=True, attachments=(document.pk,))
    assert stored(said.turn_id) == []


def test_a_message_that_waits_keeps_them(person: User, document: Document) -> None:
    """Until it is sent; what was deleted meanwhile is left out then."""
    said = send(person)
    other = add_document(owner=person, title="Old", text="Old.")
    waiting = uuid.uuid4()
    queueing.queue(
        person=person,
        turn_id=waiting,
        conversation_id=said.conversation_id,
        text="Later",
        attachments=(document.pk, other.pk),
    )
    assert QueuedMessage.objects.get().attachments == [str(document.pk), str(other.pk)]
    (shown,) = pages.queued(conversation_for(person, said.conversation_id))
    assert [each.title for each in shown.attachments] == ["Trip <plan>", "Old"]
    delete_document(other)
    end(said)
    assert queueing.advance(said.conversation_id) is not None
    assert stored(waiting) == [str(document.pk)]


def test_another_answer_and_a_copy_keep_them(person: User, document: Document) -> None:
    said = end(send(person, attachments=(document.pk,)))
    again = end(turns.retry(person=person, reply_id=said.reply_id))
    assert again.turn_id == said.turn_id
    copy = duplicate(conversation_for(person, said.conversation_id))
    assert copy.messages.get().attachments == [str(document.pk)]


def test_the_page_links_to_them(person: User, document: Document, sign_in: Callable[[User], Client]) -> None:
    """And says so where one was deleted."""
    said = end(send(person, attachments=(document.pk,)))
    browser = sign_in(person)
    page = browser.get(f"/c/{said.conversation_id}/").content.decode()
    assert f'href="/library/{document.pk}/" data-document="{document.pk}"' in page
    assert "Trip &lt;plan&gt;" in page
    delete_document(document)
    page = browser.get(f"/c/{said.conversation_id}/").content.decode()
    assert str(document.pk) not in page
    assert "Deleted file" in page


def test_exports_name_them_by_title_only(person: User, document: Document) -> None:
    """An id of ours means nothing elsewhere."""
    said = end(send(person, attachments=(document.pk,)))
    chat = conversation_for(person, said.conversation_id)
    made = {as_: "".join(exporting.export(chat, as_)) for as_ in exporting.FORMATS}
    assert json.loads(made["json"])["chats"][0]["messages"][0]["attachments"] == ["Trip <plan>"]
    assert "Attached files: Trip <plan>" in made["md"]
    assert "Attached files: Trip &lt;plan&gt;" in made["html"]
    assert not any(str(document.pk) in text for text in made.values())


@pytest.mark.parametrize(
    "given", ["x", {"a": 1}, ["x"], [1], [None], [str(uuid.uuid4()) for _ in range(MAX_ATTACHMENTS + 1)]]
)
def test_what_is_no_short_list_of_ids_is_malformed(given: object) -> None:
    frame = {"type": "send", "turn_id": str(uuid.uuid4()), "text": "x", "attachments": given}
    with pytest.raises(MalformedCommand) as refused:
        parse_command(json.dumps(frame))
    assert "`attachments`" in refused.value.user_text


async def test_a_person_is_told_that_a_file_was_missing(person: User, somebody_else: User, document: Document) -> None:
    """The same for what was deleted and for what is somebody else's; nothing is said where all is well."""
    foreign = await sync_to_async(add_document)(owner=somebody_else, title="Diary", text="Dear diary.")
    socket = Socket(person)
    await socket.open()
    for ids, is_told in (([document.pk], False), ([document.pk, foreign.pk], True), ([uuid.uuid4()], True)):
        turn_id = str(uuid.uuid4())
        await socket.say(
            type="send", turn_id=turn_id, conversation=None, text="Hi", attachments=[str(pk) for pk in ids]
        )
        said = await socket.hear("ack")
        if is_told:
            assert (await socket.hear("error"))["code"] == "attachment_missing"
        await sync_to_async(_end)(said["reply"])
    await socket.say(type="ping")
    await socket.hear("pong")
    await socket.close()


def _end(reply_id: str) -> None:
    Reply.objects.filter(pk=reply_id).update(state="done", text="So.")


def test_the_turn_searches_them_first(person: User, document: Document) -> None:
    """With the room that the prompt has for passages."""
    said = send(person, attachments=(document.pk,))
    given = attachments.attached_to(Message.objects.get(pk=said.turn_id))
    assert given.document_ids == (document.pk,)
    assert 500 < given.max_chars < 5_000
