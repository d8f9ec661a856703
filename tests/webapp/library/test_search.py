"""Who finds what."""

import random
import time
from collections.abc import Callable
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync

from tests.webapp.library.conftest import WordEmbedder, vector_of
from webapp.accounts.models import User
from webapp.library.models import Document, Passage
from webapp.library.ports import Retrieval
from webapp.library.services.documents import add_document, delete_document, put_sample_document
from webapp.library.services.scopes import IndexCache, Scope
from webapp.library.services.search import (
    MAX_PER_DOCUMENT,
    MINIMUM_SCORE,
    MINIMUM_SHARE_OF_BEST,
    USUAL,
    Hit,
    Nearness,
    search_library,
)

pytestmark = pytest.mark.django_db

Index = Callable[[Document], bool]
Search = Callable[..., list[Hit]]


@pytest.fixture
def search(retrieval: Retrieval) -> Search:
    def search(person_id: UUID | None, query: str, k: int = 3, nearness: Nearness = USUAL) -> list[Hit]:
        return async_to_sync(search_library)(person_id, query, k, retrieval=retrieval, nearness=nearness)

    return search


@pytest.fixture
def add(index: Index) -> Callable[..., Document]:
    def add(text: str, *, owner: User | None = None, title: str = "") -> Document:
        document = add_document(owner=owner, title=title, text=text)
        index(document)
        return document

    return add


def texts(hits: list[Hit]) -> list[str]:
    return [hit.text for hit in hits]


def test_a_hit_says_where_it_comes_from(add: Callable[..., Document], search: Search) -> None:
    """The citation under the answer links to the very passage."""
    document = add("Intro.\n\n## Llamas\n\nLlamas hum softly.", title="Animals")
    (hit,) = search(None, "llamas hum softly")
    assert (hit.title, hit.text, hit.document_id) == ("Animals", "Llamas hum softly.", document.pk)
    assert hit.url == f"/library/{document.pk}/#p-1"
    assert document.text[hit.char_start : hit.char_end] == hit.text
    assert MINIMUM_SCORE <= hit.score <= 1.0001


def test_what_is_far_away_is_not_found(add: Callable[..., Document], search: Search) -> None:
    """Small talk must not be answered with a help page."""
    add("Llamas hum softly.")
    assert search(None, "quarterly tax return") == []


@pytest.mark.parametrize(("query", "k"), [("", 3), (" \n", 3), ("llamas", 0)])
def test_nothing_is_asked_for_nothing(
    add: Callable[..., Document], search: Search, embedder: WordEmbedder, query: str, k: int
) -> None:
    """Embedding costs time that a person waits for."""
    add("Llamas.")
    embedder.num_texts = 0
    assert search(None, query, k) == []
    assert embedder.num_texts == 0


def test_a_passage_much_farther_away_than_the_best_is_left_out(add: Callable[..., Document], search: Search) -> None:
    """A small model believes what it is given, so one fitting passage is better than one and two others."""
    add("llamas hum softly")
    add("llamas hum loudly near trains")
    assert texts(search(None, "llamas hum softly")) == ["llamas hum softly"]


def test_one_document_gives_at_most_two_passages(add: Callable[..., Document], search: Search) -> None:
    """One page that says the same over and over must not fill the prompt; the next document steps in."""
    add("## Sounds\n\nllamas hum softly\n\n" * 40)
    other = add("llamas hum softly at night")
    hits = search(None, "llamas hum softly")
    assert len(hits) == 3
    assert hits[2].document_id == other.pk


def test_how_near_is_near_enough_can_be_said(add: Callable[..., Document], search: Search) -> None:
    """For who tries whether fewer and surer passages make better answers, or more of them."""
    add("llamas hum softly")
    add("llamas hum loudly near trains")
    add("## Sounds\n\nllamas hum softly\n\n" * 3)
    query = "llamas hum softly"
    assert len(search(None, query, 9)) == 3  # two of one document, one of the other; the trains are too far
    assert len(search(None, query, 9, Nearness(max_per_document=1))) == 2
    assert len(search(None, query, 9, Nearness(max_per_document=9))) == 4
    assert "trains" in search(None, query, 9, Nearness(min_share_of_best=0.1))[-1].text
    asked = "llamas hum loudly in June"
    best = search(None, asked)[0].score
    assert search(None, asked, 3, Nearness(min_similarity=best + 0.01)) == []


def test_everybody_finds_the_sample_library_and_only_the_owner_their_own(
    add: Callable[..., Document], search: Search, person: User, somebody_else: User
) -> None:
    """Private documents are private."""
    add("Llamas in Peru hum.")
    add("My llamas in Peru hum.", owner=person)
    query = "llamas in Peru hum"
    assert texts(search(person.pk, query)) == ["Llamas in Peru hum.", "My llamas in Peru hum."]
    assert texts(search(somebody_else.pk, query)) == ["Llamas in Peru hum."]
    assert texts(search(None, query)) == ["Llamas in Peru hum."]


def test_a_deleted_document_is_never_found(add: Callable[..., Document], search: Search, person: User) -> None:
    """Delete means delete, also where an index is in memory."""
    document = add("Llamas hum.", owner=person)
    assert search(person.pk, "llamas hum")
    delete_document(document)
    assert search(person.pk, "llamas hum") == []
    document.refresh_from_db()
    assert (document.text, document.title, document.sha256) == ("", "", "")
    assert not Passage.objects.filter(document=document).exists()


def test_a_document_behind_the_back_of_the_index_is_found_or_not_by_its_row(
    add: Callable[..., Document], search: Search, person: User, somebody_else: User
) -> None:
    """Whoever changes the owner or deletes the row need not know that there are indexes."""
    document = add("Llamas hum.", owner=person)
    assert search(person.pk, "llamas hum")
    Document.objects.filter(pk=document.pk).update(owner=somebody_else)
    assert search(person.pk, "llamas hum") == []
    assert texts(search(somebody_else.pk, "llamas hum")) == ["Llamas hum."]
    Document.objects.all().delete()
    assert search(somebody_else.pk, "llamas hum") == []


def test_what_is_ready_is_found_at_once(add: Callable[..., Document], search: Search) -> None:
    """Read your writes: the index in memory is compared with the documents before each search."""
    for number in range(3):
        add(f"Llamas hum {number}.")
        assert len(search(None, "llamas hum")) == number + 1


def test_an_unchanged_scope_is_indexed_once(retrieval: Retrieval, add: Callable[..., Document]) -> None:
    """Building an index reads every vector."""
    cache = IndexCache()
    document = add("Llamas hum.")
    first = cache.index_of(Scope(None), retrieval)
    assert cache.index_of(Scope(None), retrieval) is first
    put_sample_document(document_id=document.pk, title="", text="Alpacas hum.")
    assert cache.index_of(Scope(None), retrieval) is first
    delete_document(document)
    assert len(cache.index_of(Scope(None), retrieval)) == 0


def test_the_cache_forgets_the_scope_that_was_used_longest_ago(
    retrieval: Retrieval, add: Callable[..., Document], person: User, somebody_else: User
) -> None:
    """A worker serves many people, and memory is not for all of them at once."""
    cache = IndexCache(max_bytes=2 * 4 * retrieval.dim)
    scopes = [Scope(owner.pk) for owner in (person, somebody_else)]
    for owner in (person, somebody_else):
        add("Llamas hum.", owner=owner)
    add("Llamas hum.")
    indexes = [cache.index_of(scope, retrieval) for scope in scopes]
    cache.index_of(scopes[0], retrieval)
    cache.index_of(Scope(None), retrieval)
    assert cache.index_of(scopes[0], retrieval) is indexes[0]
    assert cache.index_of(scopes[1], retrieval) is not indexes[1]


def test_the_cache_forgets_what_nobody_searches(
    retrieval: Retrieval, add: Callable[..., Document], person: User
) -> None:
    """Vectors of somebody who has left do not stay in memory until it is full."""
    add("Llamas hum.", owner=person)
    for max_idle_s, is_kept in ((0.0, False), (60.0, True)):
        cache = IndexCache(max_idle_s=max_idle_s)
        first = cache.index_of(Scope(person.pk), retrieval)
        time.sleep(0.01)
        assert (cache.index_of(Scope(person.pk), retrieval) is first) is is_kept


@pytest.mark.parametrize("seed", range(6))
def test_search_agrees_with_brute_force_over_what_may_be_read(
    add: Callable[..., Document], search: Search, person: User, somebody_else: User, seed: int
) -> None:
    """However documents come, change and go: exactly the best of what this person may read, and nothing else."""
    chance = random.Random(seed)
    words = ["llama", "hum", "soft", "andes", "grass"]
    documents: list[Document] = []
    for _ in range(30):
        action = chance.choice(["add", "add", "add", "delete", "give", "search", "search"])
        if action == "add":
            sections = [" ".join(chance.choices(words, k=4)) for _ in range(chance.randint(1, 4))]
            owner = chance.choice([None, person, somebody_else])
            documents.append(add("\n\n## x\n\n".join(sections), owner=owner))
        elif action == "search":
            for reader in (None, person.pk, somebody_else.pk):
                query, k = " ".join(chance.choices(words, k=3)), chance.randint(1, 5)
                found = [round(hit.score, 4) for hit in search(reader, query, k)]
                assert found == pytest.approx(best_scores(reader, query, k), abs=2e-4)
        elif documents and action == "delete":
            delete_document(documents.pop(chance.randrange(len(documents))))
        elif documents:
            given = documents[chance.randrange(len(documents))]
            Document.objects.filter(pk=given.pk).update(owner=chance.choice([None, person, somebody_else]))


def best_scores(reader: UUID | None, query: str, k: int) -> list[float]:
    """What the search should find, computed passage by passage."""
    scored: list[float] = []
    for document in Document.objects.filter(deleted_at=None):
        if document.owner_id not in (None, reader):
            continue
        scores = [
            sum(a * b for a, b in zip(vector_of(query), vector_of(f"{each.heading}\n{each.text}"), strict=True))
            for each in document.passages.all()
        ]
        scored += sorted((score for score in scores if score >= MINIMUM_SCORE), reverse=True)[:MAX_PER_DOCUMENT]
    best = sorted(scored, reverse=True)[:k]
    return [score for score in best if score >= MINIMUM_SHARE_OF_BEST * best[0]]
