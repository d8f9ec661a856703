"""Documents that go with a question come first."""

from collections.abc import Callable

import pytest
from asgiref.sync import async_to_sync

from webapp.accounts.models import User
from webapp.library.models import Document, Passage
from webapp.library.ports import Retrieval
from webapp.library.services.documents import add_document, delete_document
from webapp.library.services.search import Attached, search_library

pytestmark = pytest.mark.django_db

Index = Callable[[Document], bool]
Search = Callable[..., list[str]]

LOADS = "# Loads\n\nLlamas carry loads.\n\n## Pass\n\nThe pass is high.\n\n## Night\n\nThey hum at night.\n"


@pytest.fixture
def add(person: User, index: Index) -> Callable[..., Document]:
    def add(text: str, *, owner: User | None = person) -> Document:
        document = add_document(owner=owner, title="", text=text)
        index(document)
        return document

    return add


@pytest.fixture
def search(person: User, retrieval: Retrieval) -> Search:
    def search(query: str, *attached: Document, k: int = 2, max_chars: int = 0) -> list[str]:
        given = Attached(document_ids=tuple(document.pk for document in attached), max_chars=max_chars)
        found = async_to_sync(search_library)(person.pk, query, k, retrieval=retrieval, attached=given)
        return [hit.text for hit in found]

    return search


def test_a_short_document_is_quoted_whole_in_its_order(add: Callable[..., Document], search: Search) -> None:
    """ "What does this say?" is about all of it, whatever the words are near to."""
    first, second = add(LOADS), add("Wool is warm.")
    add("The pass is high and llamas carry loads.")
    found = search("The pass is high", second, first, max_chars=500)
    assert found == ["Wool is warm.", "Llamas carry loads.", "The pass is high.", "They hum at night."]


@pytest.mark.parametrize(("k", "num_attached"), [(1, 1), (2, 1), (3, 2), (4, 2)])
def test_half_of_what_is_quoted_is_attached_near_or_not(
    add: Callable[..., Document], search: Search, k: int, num_attached: int
) -> None:
    """The other half is whatever is nearest in the library."""
    attached = add(LOADS)
    for number in range(4):
        add(f"Quarterly tax return {number}.")
    found = search("quarterly tax return", attached, k=k)
    assert len(found) == k
    assert [text in LOADS for text in found] == [True] * num_attached + [False] * (k - num_attached)


def test_a_question_about_the_attached_gets_all_from_there(add: Callable[..., Document], search: Search) -> None:
    """Where two of its passages are nearest both are quoted, and none of them twice."""
    attached = add("# A\n\nLlamas carry loads.\n\n# B\n\nLlamas carry heavy loads.\n\n# C\n\nWool is warm.\n")
    assert sorted(search("Llamas carry loads", attached)) == ["Llamas carry heavy loads.", "Llamas carry loads."]


def test_what_is_not_ones_own_is_not_attached(
    add: Callable[..., Document], search: Search, somebody_else: User
) -> None:
    """Whatever ids a row holds: foreign, deleted and sample documents are searched by the usual rules or not at all."""
    deleted = add("Deleted words.")
    delete_document(deleted)
    foreign, sample = add(LOADS, owner=somebody_else), add("Help pages.", owner=None)
    assert search("quarterly tax return", foreign, deleted, sample, max_chars=500) == []


def test_a_passage_that_gives_orders_is_not_quoted(add: Callable[..., Document], search: Search) -> None:
    """Attached by its reader, but perhaps written by somebody else."""
    attached = add(LOADS)
    Passage.objects.filter(document=attached, ord=1).update(flagged=True)
    assert search("The pass is high", attached, max_chars=500) == ["Llamas carry loads.", "They hum at night."]
    assert "The pass is high." not in search("The pass is high", attached)


def test_without_attachments_nothing_changes(add: Callable[..., Document], search: Search) -> None:
    add(LOADS)
    assert search("The pass is high") == ["The pass is high."]
