"""Looking after the library: what is in it, index it again, take something out."""

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from tests.webapp.moderation.conftest import PRIVATE, BrowserOf, make_document
from webapp import jobs
from webapp.accounts.models import User
from webapp.library.models import Document

pytestmark = pytest.mark.django_db

LIST = "/admin/library/document/"


@pytest.fixture
def administrator(browser_of: BrowserOf) -> Client:
    return browser_of("administrator")


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The documents that a worker was asked to index."""
    asked: list[object] = []
    monkeypatch.setattr(jobs, "enqueue_document", asked.append)
    return asked


def test_the_sample_library_is_there_to_be_read(administrator: Client) -> None:
    """Its words are everybody's, and whoever tunes retrieval has to see them."""
    document = make_document(owner=None)
    for page in (LIST, f"{LIST}{document.pk}/change/", "/admin/library/passage/"):
        assert PRIVATE in administrator.get(page).content.decode()


def test_documents_are_indexed_again_on_request(
    administrator: Client,
    owner: User,
    enqueued: list[object],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """After a change of the embedding model or of the way passages are cut."""
    chosen, other = make_document(owner), make_document(owner=None)
    with django_capture_on_commit_callbacks(execute=True):
        administrator.post(LIST, {"action": "index_again", "_selected_action": [chosen.pk]})
    chosen.refresh_from_db()
    other.refresh_from_db()
    assert (chosen.state, other.state) == (Document.State.RECEIVED, Document.State.READY)
    assert chosen.passages.count() == 1
    assert enqueued == [chosen.pk]


def test_a_deleted_document_is_not_indexed_again(administrator: Client, enqueued: list[object]) -> None:
    """There is no text left to index."""
    document = make_document(owner=None)
    administrator.post(f"{LIST}{document.pk}/delete/", {"post": "yes"})
    administrator.post(LIST, {"action": "index_again", "_selected_action": [document.pk]})
    assert enqueued == []


@pytest.mark.parametrize("is_bulk", [False, True])
def test_deleting_takes_the_words_and_leaves_the_row(administrator: Client, owner: User, is_bulk: bool) -> None:
    """The administration deletes as the library does: indexes in memory may still name the document for a while."""
    document = make_document(owner)
    if is_bulk:
        administrator.post(LIST, {"action": "delete_selected", "_selected_action": [document.pk], "post": "yes"})
    else:
        administrator.post(f"{LIST}{document.pk}/delete/", {"post": "yes"})
    document.refresh_from_db()
    assert document.deleted_at is not None
    assert (document.text, document.title, document.passages.count()) == ("", "", 0)
