"""The panel with a source: exactly the place that supports a sentence, or that there is none."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client

from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.chat.services import turns
from webapp.chat.services.duplicating import duplicate
from webapp.library.models import Document
from webapp.library.services.documents import delete_document

pytestmark = pytest.mark.django_db

RULES = "The membership fee is 30 euros. It is due in <May>. Guests pay 12 euros a day."


class Panel:
    """What a person's browser gets of a source."""

    def __init__(self, browser: Client, reply: Reply) -> None:
        self._browser, self._address = browser, f"/turns/{reply.pk}/source/"

    def status(self, **asked: str | int) -> int:
        return int(self._browser.get(self._address, asked).status_code)

    def html(self, **asked: str | int) -> str:
        return " ".join(self._browser.get(self._address, asked).content.decode().split())


@pytest.fixture
def document(person: User) -> Document:
    return Document.objects.create(owner=person, title="Rules", text=RULES, sha256="0" * 64)


@pytest.fixture
def reply(person: User, document: Document) -> Reply:
    """The last sentence of its source supports its first one, and nothing supports its second."""
    sent = turns.send(person=person, turn_id=uuid.uuid4(), conversation_id=None, parent_id=None, text="What is it?")
    passage = {"title": "Rules", "text": RULES, "url": "/library/x/#p-0", "document_id": str(document.pk)}
    sentences = [
        {"block": 0, "start": 0, "end": 9, "passage": 1, "spans": [[RULES.index("Guests"), len(RULES)]], "score": 0.9},
        {"block": 0, "start": 10, "end": 19, "passage": 1, "spans": [], "score": 0.1},
    ]
    support = {"num_cited": 2, "num_supported": 1, "sentences": sentences}
    Reply.objects.filter(pk=sent.reply_id).update(state=Reply.State.DONE, passages=[passage], support=support)
    return Reply.objects.select_related("conversation").get(pk=sent.reply_id)


@pytest.fixture
def panel(reply: Reply, person: User, sign_in: Callable[[User], Client]) -> Panel:
    return Panel(sign_in(person), reply)


def test_exactly_the_sentence_that_supports_is_marked(panel: Panel) -> None:
    """And what the document says is text, whatever it looks like."""
    html = panel.html(number=1, sentence=0)
    assert "due in &lt;May&gt;. <mark>Guests pay 12 euros a day.</mark></blockquote>" in html
    assert html.count("<mark>") == 1
    assert "Not found" not in html


def test_nothing_is_marked_for_what_is_not_found(panel: Panel) -> None:
    """The panel says so, and the passage is there to be read."""
    html = panel.html(number=1, sentence=1)
    assert "Not found in the source." in html
    assert "The membership fee is 30 euros." in html
    assert "<mark>" not in html


def test_a_mangled_address_opens_the_passage_alone(panel: Panel) -> None:
    """It says nothing about a sentence that nobody asked about."""
    for asked in ({"number": 1}, {"sentence": 9}, {"number": "x", "sentence": "-1"}, {}):
        html = panel.html(**asked)
        assert "The membership fee is 30 euros." in html
        assert "<mark>" not in html
        assert "Not found" not in html


def test_a_deleted_document_is_not_read_out(panel: Panel, document: Document) -> None:
    """What the answer keeps of it is for the model to go on from."""
    delete_document(document)
    html = panel.html(number=1, sentence=0)
    assert "This document has been deleted." in html
    assert "euros" not in html


def test_a_source_is_its_persons_alone(
    panel: Panel, reply: Reply, somebody_else: User, sign_in: Callable[[User], Client]
) -> None:
    """Of a withheld answer, and where there is no such source, there is nothing either."""
    assert Panel(sign_in(somebody_else), reply).status(number=1) == 404
    assert Panel(Client(), reply).status(number=1) == 404
    assert panel.status(number=2) == 404
    Reply.objects.filter(pk=reply.pk).update(state=Reply.State.BLOCKED)
    assert panel.status(number=1) == 404


def test_a_copy_of_the_chat_has_the_marks_too(reply: Reply) -> None:
    """Its text is the same."""
    (copy,) = duplicate(reply.conversation).replies.all()
    assert copy.support == reply.support
