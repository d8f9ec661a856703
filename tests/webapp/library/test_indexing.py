"""From received to ready, whatever happens on the way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from assistant.errors import RetrievalUnavailable
from tests.webapp.library.conftest import DIM, WordEmbedder, vector_of
from webapp.library.models import Document, Passage
from webapp.library.ports import Retrieval
from webapp.library.services.documents import add_document, delete_document, put_sample_document
from webapp.library.services.indexing import index_document, pending

pytestmark = pytest.mark.django_db

Index = Callable[[Document], bool]

TEXT = "Plans are easy.\n\n## Lists\n\nLists are shorter.\n"


@pytest.fixture
def document() -> Document:
    return add_document(owner=None, title="Help", text=TEXT)


def age(document: Document, **minutes: int) -> None:
    """Let so much time pass for the document."""
    changes = {field: timezone.now() - timedelta(minutes=count) for field, count in minutes.items()}
    Document.objects.filter(pk=document.pk).update(**changes)


def test_an_indexed_document_has_passages_that_are_true_to_it(document: Document, index: Index) -> None:
    """A citation shows the passage; a click shows the document: they must agree."""
    assert index(document)
    document.refresh_from_db()
    assert document.state == Document.State.READY
    assert [(each.heading, each.text) for each in document.passages.all()] == [
        ("Help", "Plans are easy."),
        ("Help > Lists", "Lists are shorter."),
    ]
    for passage in document.passages.all():
        assert document.text[passage.char_start : passage.char_end] == passage.text
        vector = np.frombuffer(passage.vector, dtype="<f4")
        assert vector == pytest.approx(vector_of(f"{passage.heading}\n{passage.text}"), abs=1e-6)


def test_indexing_twice_does_the_work_once(document: Document, index: Index, embedder: WordEmbedder) -> None:
    """A task may run twice, and a passage that answers refer to keeps its id."""
    index(document)
    ids = list(document.passages.values_list("pk", flat=True))
    assert not index(document)
    assert list(document.passages.values_list("pk", flat=True)) == ids
    assert embedder.num_texts == 2


def test_the_ids_of_passages_are_never_used_again(document: Document, index: Index) -> None:
    """An index in memory may still hold an old id, and must not find somebody else's text under it."""
    index(document)
    newest = max(document.passages.values_list("pk", flat=True))
    delete_document(document)
    other = add_document(owner=None, title="Other", text="Other text.")
    index(other)
    assert min(other.passages.values_list("pk", flat=True)) > newest


def test_a_changed_text_answers_from_the_old_one_until_it_is_indexed(document: Document, index: Index) -> None:
    """An update that destroys first loses the page whenever the second half fails."""
    index(document)
    put_sample_document(document_id=document.pk, title="Help", text="Stories are long.")
    assert document.passages.count() == 2
    assert index(document)
    assert [each.text for each in document.passages.all()] == ["Stories are long."]


@pytest.mark.parametrize(
    "interfere",
    [
        pytest.param(delete_document, id="delete"),
        pytest.param(lambda it: put_sample_document(document_id=it.pk, title="Help", text="New."), id="update"),
    ],
)
def test_a_document_that_changes_while_it_is_embedded_is_left_alone(
    document: Document, index: Index, embedder: WordEmbedder, interfere: Callable[[Document], object]
) -> None:
    """Else a deleted text would come back, or the passages of one text stand under another."""
    embedder.before_answer = lambda: interfere(document)
    assert not index(document)
    assert document.passages.count() == 0


def test_a_document_waits_while_the_embedder_is_away(document: Document, index: Index, embedder: WordEmbedder) -> None:
    """The engine restarts; nobody should have to upload again."""
    embedder.error = RetrievalUnavailable("connection refused")
    assert not index(document)
    document.refresh_from_db()
    assert document.state == Document.State.RECEIVED
    embedder.error = None
    assert index(document)


def test_a_document_without_text_fails_with_a_reason(index: Index) -> None:
    """An empty document must not be tried for ever."""
    document = add_document(owner=None, title="Empty", text=" \n# Heading\n")
    assert not index(document)
    document.refresh_from_db()
    assert document.state == Document.State.FAILED
    assert document.error
    age(document, received_at=60, attempted_at=60)
    assert pending(10, model_id="words") == []


def test_a_document_that_is_gone_is_no_error(document: Document, index: Index) -> None:
    """It was deleted between the order and the work."""
    delete_document(document)
    assert not index(document)
    document.delete()
    assert not index(document)
    assert Passage.objects.count() == 0


def test_a_document_that_nobody_took_up_is_pending(document: Document, index: Index) -> None:
    """The order to index it may be lost; but a worker that has just begun is left in peace."""
    assert pending(10, model_id="words") == []
    age(document, received_at=1)
    assert pending(10, model_id="words") == [document.pk]
    assert pending(0, model_id="words") == []
    age(document, received_at=1, attempted_at=0)
    assert pending(10, model_id="words") == []
    age(document, received_at=1, attempted_at=1)
    assert pending(10, model_id="words") == [document.pk]
    index(document)
    age(document, received_at=1, attempted_at=1)
    assert pending(10, model_id="words") == []


def test_another_embedding_model_indexes_everything_again(
    document: Document, index: Index, retrieval: Retrieval
) -> None:
    """Vectors of two models cannot be compared."""
    index(document)
    age(document, received_at=1, attempted_at=1)
    assert pending(10, model_id="other") == [document.pk]
    assert async_to_sync(index_document)(document.pk, retrieval=replace(retrieval, model_id="other"))
    assert set(document.passages.values_list("model_id", flat=True)) == {"other"}
    assert {len(bytes(each.vector)) for each in document.passages.all()} == {4 * DIM}


def test_the_same_text_of_the_same_owner_is_one_document(document: Document) -> None:
    """Uploading twice would quote everything twice."""
    assert add_document(owner=None, title="Again", text=TEXT) == document
    delete_document(document)
    assert add_document(owner=None, title="Again", text=TEXT) != document
