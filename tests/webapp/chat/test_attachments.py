"""Documents go with a message: stored by their owner only, kept on every way a message takes."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from assistant.errors import RetrievalUnavailable
from assistant.ports import ChatMessage, Passage
from assistant.prompt import assemble
from assistant.reply import Written
from tests.webapp.chat.talking import end, send
from tests.webapp.chat.test_what_is_left import Socket
from tests.webapp.site_settings import change_settings
from webapp import wiring
from webapp.accounts.models import User
from webapp.chat import pages
from webapp.chat.commands import MAX_ATTACHMENTS, parse_command
from webapp.chat.errors import MalformedCommand
from webapp.chat.models import Message, QueuedMessage, Reply
from webapp.chat.services import attachments, ownership, queueing, turns
from webapp.chat.services.conversations import conversation_for
from webapp.chat.services.duplicating import duplicate
from webapp.chat.services.running import _load
from webapp.library.models import Document
from webapp.library.services.documents import add_document, delete_document
from webapp.library.services.search import Attached
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
    assert 500 < given.max_bytes < 5_000


@pytest.mark.parametrize("letter", ["a", "ا", "字"])
def test_what_is_quoted_whole_fits_into_the_prompt(person: User, settings: Any, letter: str) -> None:
    """All of it, with the usual settings: nobody would know of an end that is left out."""
    max_bytes = attachments.attached_to(Message()).max_bytes
    text = letter * (max_bytes // 4 // len(letter.encode()) - 24 // len(letter.encode()))
    passages = [
        Passage(passage_id=n, document_id="d", title="", text=text, url="", score=1.0, char_start=0, char_end=1)
        for n in range(4)
    ]
    turns = settings.TURNS
    question = [ChatMessage(role="user", text="What does this file say?")]
    budget = turns.context_tokens - turns.max_reply_tokens
    written = Written(text="", token_ids=(), num_unchecked=0)
    assert len(assemble(question, passages, written, budget_tokens=budget).passages) == 4


def test_what_went_with_earlier_messages_of_the_branch_counts(person: User, document: Document) -> None:
    """The newest first, each once; another version of a message has another past."""
    later = add_document(owner=person, title="Later", text="We rest.")
    first = end(send(person, "One", attachments=(document.pk,)))
    second = end(send(person, "Two", after=first, attachments=(later.pk, document.pk)))
    third = send(person, "Three", after=second)
    assert _attached(third) == ((), (later.pk, document.pk))
    end(third)
    other = send(person, "Other two", after=first)
    assert _attached(other) == ((), (document.pk,))
    end(other)
    assert _attached(turns.retry(person=person, reply_id=first.reply_id)) == ((document.pk,), ())


async def test_a_tool_that_searches_the_library_searches_all_of_it(
    person: User, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is attached is quoted without a search, so it needs no embedder; "search my documents" is a search."""
    await document.passages.acreate(ord=0, char_start=0, char_end=8, text="We walk.", model_id="any", vector=b"")
    change_settings(monkeypatch, encoders_url="http://127.0.0.1:1", inference_model="a-model")
    attached = Attached(document_ids=(document.pk,), max_bytes=100)
    async with wiring.turn_services(person_id=person.pk, attached=attached) as services:
        assert [passage.text for passage in await services.index.search("Warranty", k=2)] == ["We walk."]
        (library,) = (tool for tool in services.tools if tool.name == "library")
        with pytest.raises(RetrievalUnavailable):
            await library.run({"query": "warranty"})


def _attached(said: turns.Accepted) -> tuple[tuple[uuid.UUID, ...], tuple[uuid.UUID, ...]]:
    claim = ownership.claim(said.reply_id)
    assert claim is not None
    found = _load(claim).attached
    return found.document_ids, found.earlier_ids
