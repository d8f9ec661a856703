"""Documents that go with a question come first."""

from collections.abc import Callable, Sequence

import pytest
from asgiref.sync import async_to_sync

from assistant.errors import RetrievalUnavailable
from tests.webapp.library.conftest import WordEmbedder
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
    def search(
        query: str, *attached: Document, k: int = 2, max_bytes: int = 0, earlier: Sequence[Document] = ()
    ) -> list[str]:
        given = Attached(
            document_ids=tuple(document.pk for document in attached),
            earlier_ids=tuple(document.pk for document in earlier),
            max_bytes=max_bytes,
        )
        found = async_to_sync(search_library)(person.pk, query, k, retrieval=retrieval, attached=given)
        return [hit.text for hit in found]

    return search


def test_a_short_document_is_quoted_whole_in_its_order(add: Callable[..., Document], search: Search) -> None:
    """ "What does this say?" is about all of it, whatever the words are near to."""
    first, second = add(LOADS), add("Wool is warm.")
    add("The pass is high and llamas carry loads.")
    found = search("The pass is high", second, first, max_bytes=500)
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
    assert search("quarterly tax return", foreign, deleted, sample, max_bytes=500) == []


def test_a_passage_that_gives_orders_is_not_quoted(add: Callable[..., Document], search: Search) -> None:
    """Attached by its reader, but perhaps written by somebody else."""
    attached = add(LOADS)
    Passage.objects.filter(document=attached, ord=1).update(flagged=True)
    assert search("The pass is high", attached, max_bytes=500) == ["Llamas carry loads.", "They hum at night."]
    assert "The pass is high." not in search("The pass is high", attached)


def test_without_attachments_nothing_changes(add: Callable[..., Document], search: Search) -> None:
    add(LOADS)
    assert search("The pass is high") == ["The pass is high."]


def test_a_second_question_still_knows_what_came_with_the_first(add: Callable[..., Document], search: Search) -> None:
    """Whole, the newest first, as far as there is room. What is near follows: the talk may be about something else."""
    older, newer = add("Wool is warm."), add(LOADS)
    other = add("A quarterly tax return.")
    whole = ["Llamas carry loads.", "The pass is high.", "They hum at night."]
    assert search("And then?", earlier=[newer, older], max_bytes=500) == [*whole, "Wool is warm."]
    assert search("And then?", earlier=[newer, older], max_bytes=130) == whole
    assert search("quarterly tax return", earlier=[newer], max_bytes=500) == [*whole, "A quarterly tax return."]
    assert search("quarterly tax return", other, earlier=[newer], max_bytes=50) == ["A quarterly tax return."]


def test_what_came_earlier_and_is_long_has_its_half(add: Callable[..., Document], search: Search) -> None:
    """But not before what goes with the question itself."""
    add("A quarterly tax return.")
    long = add(LOADS)
    assert search("quarterly tax return", earlier=[long])[0] in LOADS
    asked = add("Wool is warm.\n\n# B\n\nWool is soft.")
    assert search("Llamas carry loads", asked, k=1, earlier=[long])[0].startswith("Wool")
    delete_document(asked)
    assert search("Llamas carry loads", asked, k=1, earlier=[long]) == ["Llamas carry loads."]


def test_what_is_attached_needs_no_embedder(
    add: Callable[..., Document], search: Search, embedder: WordEmbedder
) -> None:
    """The whole of it, or its beginning. Nobody attaches a file to hear what the model thinks without it."""
    attached = add(LOADS)
    embedder.error = RetrievalUnavailable("away")
    whole = ["Llamas carry loads.", "The pass is high.", "They hum at night."]
    assert search("Say more", attached, max_bytes=500) == whole
    assert search("Say more", earlier=[attached], max_bytes=500) == whole
    assert search("Say more", attached) == whole[:2]
    delete_document(attached)
    with pytest.raises(RetrievalUnavailable):
        search("Say more", attached)


def test_vectors_of_an_older_model_are_no_reason_to_leave_it_out(add: Callable[..., Document], search: Search) -> None:
    """While the library is indexed anew."""
    attached = add(LOADS)
    Passage.objects.update(model_id="older")
    assert len(search("The pass is high", attached, max_bytes=500)) == 3
    assert search("The pass is high", attached, k=1) == ["Llamas carry loads."]


def test_what_is_attached_is_quoted_where_nothing_else_is(add: Callable[..., Document], search: Search) -> None:
    """An arm of an experiment may search no library at all."""
    attached = add(LOADS)
    assert search("The pass is high", k=0) == []
    assert len(search("The pass is high", attached, k=0, max_bytes=500)) == 3
    assert search("The pass is high", attached, k=0) == ["The pass is high."]


def test_a_script_of_more_bytes_has_no_more_room(add: Callable[..., Document], search: Search) -> None:
    """The prompt would leave out the end of it, and nobody would know."""
    latin, arabic = add("a" * 60), add("\u0627" * 60)
    assert len(search("What is this?", latin, arabic, k=1, max_bytes=210)) == 1
    assert len(search("What is this?", latin, arabic, k=1, max_bytes=230)) == 2
