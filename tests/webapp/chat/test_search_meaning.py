"""What is like the words that were typed is found below them: one's own, never withheld, never temporary."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from assistant.errors import RetrievalUnavailable
from retrieval.passages import split_passages
from retrieval.quantised import quantise, similarities
from tests.webapp.chat.test_search import say
from tests.webapp.library.conftest import DIM, WordEmbedder, vector_of
from tests.webapp.sharing.making import as_file, chatgpt
from webapp import wiring
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Embedding, Folder, Message, Reply, Summary, Tag
from webapp.chat.ports import TextEncoder
from webapp.chat.services import embedding, embedding_rows, search_meaning
from webapp.chat.services.duplicating import duplicate
from webapp.chat.services.search import Hit, search, texts_with_words
from webapp.chat.services.search_query import parse
from webapp.moderation.services import originals, releases
from webapp.sharing.services import importing

pytestmark = pytest.mark.django_db

SAME = {"velo": "bicycle", "mend": "repair"}


class MeaningEmbedder(WordEmbedder):
    """To it some words mean the same."""

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        await super().embed(texts)
        return [vector_of(" ".join(SAME.get(word, word) for word in text.lower().split())) for text in texts]


@pytest.fixture
def embedder() -> MeaningEmbedder:
    return MeaningEmbedder()


@pytest.fixture
def encoder(embedder: MeaningEmbedder) -> TextEncoder:
    return TextEncoder(
        name="meaning 1",
        dim=DIM,
        embedder=embedder,
        reads=lambda text: "ñ" not in text,
        cut=partial(split_passages, max_wordpieces=8),
        quantise=quantise,
        similarities=similarities,
    )


@pytest.fixture
def conversation(person: User) -> Conversation:
    return Conversation.objects.create(owner=person, title="Sunday")


def embed(encoder: TextEncoder, *, run_s: float = embedding.RUN_S) -> int:
    return async_to_sync(embedding.embed_waiting)(encoder, run_s=run_s)


def found(encoder: TextEncoder, person: User, query: str, conversation: Conversation | None = None) -> list[Hit] | None:
    return async_to_sync(search_meaning.similar)(person, query, conversation, encoder=encoder)


def ids(encoder: TextEncoder, person: User, query: str, conversation: Conversation | None = None) -> list[uuid.UUID]:
    hits = found(encoder, person, query, conversation)
    assert hits is not None
    return [hit.object_id for hit in hits]


def test_a_hit_lands_on_its_most_similar_piece(person: User, conversation: Conversation, encoder: TextEncoder) -> None:
    """Other words, the same meaning; the link names the characters, and no word of the text."""
    text = "Wash your hands first of all. Then mend the velo slowly. After that go out for a ride."
    reply = say(conversation, "Hi", text)
    assert embed(encoder) == 2
    (hit,) = found(encoder, person, "repair bicycle") or []
    assert (hit.kind, hit.object_id, hit.conversation) == ("reply", reply.pk, conversation)
    assert hit.chars is not None
    assert text[slice(*hit.chars)].strip() == "Then mend the velo slowly."
    assert "".join(piece.text for piece in hit.snippet).startswith("…Then mend")
    assert parse_qs(urlsplit(hit.url).query) == {"at": [str(reply.pk)], "chars": [f"{hit.chars[0]}-{hit.chars[1]}"]}


def test_what_has_the_words_is_left_to_the_words(
    person: User, conversation: Conversation, encoder: TextEncoder
) -> None:
    """It stands above already."""
    say(conversation, "repair the bicycle")
    other = say(conversation, "mend the velo")
    embed(encoder)
    assert ids(encoder, person, "repair bicycle") == [other.message_id]
    assert ids(encoder, person, "repair bicycle", conversation) == [other.message_id]


def test_it_is_asked_of_what_is_near_which_of_it_has_the_words(
    person: User, conversation: Conversation, encoder: TextEncoder
) -> None:
    """However many other texts have them, too: the words are looked for in the near ones alone."""
    near = say(conversation, "repair the bicycle", "repair bicycle")
    for _ in range(3):
        say(conversation, "repair bicycle " + "and this and that " * 20)
    embed(encoder)
    words, mine = parse("repair bicycle"), Conversation.objects.of(person)
    assert texts_with_words(words, [near.pk, near.message_id, uuid.uuid4()], mine) == {near.pk, near.message_id}
    assert texts_with_words(parse("quarterly tax"), [near.pk], mine) == texts_with_words(words, [], mine) == set()
    assert ids(encoder, person, "repair bicycle") == []


def test_what_has_the_words_inside_others_is_left_to_the_words_that_find_it(
    person: User, conversation: Conversation, encoder: TextEncoder
) -> None:
    """Nothing is listed twice; and nothing not at all, where the words are found elsewhere and not inside others."""
    inside = say(conversation, "motorbicycle velo")
    embed(encoder)
    assert [hit.object_id for hit in search(person, "bicycle")] == [inside.message_id]
    assert ids(encoder, person, "bicycle") == []
    whole = say(conversation, "bicycle")
    embed(encoder)
    assert [hit.object_id for hit in search(person, "bicycle")] == [whole.message_id]
    assert ids(encoder, person, "bicycle") == [inside.message_id]


def test_so_many_texts_are_compared_the_newest(
    person: User, conversation: Conversation, encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search takes no more time and memory with every year."""
    replies = [say(conversation, "mend the velo") for _ in range(3)]
    embed(encoder)
    monkeypatch.setattr(search_meaning, "MAX_TEXTS", 2)
    assert set(ids(encoder, person, "repair bicycle")) == {reply.message_id for reply in replies[1:]}


def test_what_is_far_away_is_not_found(person: User, conversation: Conversation, encoder: TextEncoder) -> None:
    """Something would always be the nearest."""
    say(conversation, "mend the velo", "with glue")
    embed(encoder)
    assert found(encoder, person, "quarterly tax") == []


@pytest.mark.parametrize(
    "typed", ["repair ñ", "", " ", "ab", "…", 'velo "mend"', '"repair bicycle"', "pinned:", "tag:x", "\0"]
)
def test_what_has_no_meaning_is_not_compared(
    person: User, conversation: Conversation, encoder: TextEncoder, embedder: MeaningEmbedder, typed: str
) -> None:
    """Two letters have none, and quotes ask for the words as they are."""
    say(conversation, "mend the velo")
    embed(encoder)
    embedder.num_texts = 0
    assert found(encoder, person, typed) is None
    assert embedder.num_texts == 0


def test_what_is_in_another_language_is_not_compared(
    person: User, conversation: Conversation, encoder: TextEncoder
) -> None:
    """Neither a question, nor a text, nor a quotation in one: the encoder would compare spellings."""
    mixed = say(conversation, "mend the velo ñ. mend the velo.", "mend the velo ñ.")
    assert (embed(encoder), embed(encoder)) == (2, 0)
    assert not any(Embedding.objects.values_list("spans", flat=True))
    monolingual = replace(encoder, name="another", reads=lambda text: "ñ" not in text or len(text) > 20)
    assert embed(monolingual) == 2
    (hit,) = found(monolingual, person, "repair bicycle") or []
    assert (hit.object_id, hit.chars) == (mixed.message_id, (17, 31))
    assert found(monolingual, person, "ñ repair") is None


def test_nobody_finds_what_is_anothers(
    person: User, somebody_else: User, conversation: Conversation, encoder: TextEncoder
) -> None:
    """Not in all chats, and not by naming the other's chat; whose it is today is what counts."""
    say(conversation, "mend the velo")
    embed(encoder)
    assert found(encoder, somebody_else, "repair bicycle") == []
    assert found(encoder, somebody_else, "repair bicycle", conversation) == []
    Conversation.objects.filter(pk=conversation.pk).update(owner=somebody_else)
    assert found(encoder, person, "repair bicycle") == []
    assert len(ids(encoder, somebody_else, "repair bicycle")) == 1


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL decides by how many rows there are")
def test_nobody_waits_for_the_rows_of_others(person: User, conversation: Conversation, encoder: TextEncoder) -> None:
    """They are read by conversation, and not all that one model has made."""
    say(conversation, "mend the velo")
    embed(encoder)
    with CaptureQueriesContext(connection) as queries:
        found(encoder, person, "repair bicycle")
    read = [query["sql"] for query in queries if "made_by" in query["sql"]]
    assert len(read) == 2
    with connection.cursor() as cursor:
        for sql in read:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            assert "embeddings_to_search (conversation_id=? AND made_by=?)" in str(cursor.fetchall())


def test_the_filters_are_those_of_the_words(person: User, conversation: Conversation, encoder: TextEncoder) -> None:
    """Folder, tag, pin and archive."""
    folder = Folder.objects.create(owner=person, name="Old things")
    Conversation.objects.filter(pk=conversation.pk).update(folder=folder, pinned=True)
    Tag.objects.create(conversation=conversation, name="tools")
    archived = Conversation.objects.create(owner=person, title="Gone", archived_at=timezone.now())
    mine, theirs = say(conversation, "mend the velo"), say(archived, "mend your velo")
    embed(encoder)
    assert len(ids(encoder, person, "repair bicycle")) == 2
    for typed in ("tag:Tools repair bicycle", 'repair folder:"old things" bicycle', "pinned: repair bicycle"):
        assert ids(encoder, person, typed) == [mine.message_id], typed
    assert ids(encoder, person, "archived: repair bicycle") == [theirs.message_id]
    assert found(encoder, person, "tag:garden repair bicycle") == []


def test_one_chat_does_not_hide_the_others(person: User, conversation: Conversation, encoder: TextEncoder) -> None:
    """Ten hits in all, three of one chat; the most similar first."""
    for chat in [conversation, *(Conversation.objects.create(owner=person, title="x") for _ in range(4))]:
        for _ in range(5):
            say(chat, "mend this velo soon")
    best = say(conversation, "mend velo")
    embed(encoder)
    hits = found(encoder, person, "repair bicycle") or []
    assert hits[0].object_id == best.message_id
    of_chats = [hit.conversation.pk for hit in hits]
    assert len(hits) == search_meaning.MAX_HITS
    assert max(map(of_chats.count, of_chats)) == search_meaning.MAX_PER_CHAT
    assert len(ids(encoder, person, "repair bicycle", conversation)) == 6


def test_every_branch_is_found_and_a_copy_too(person: User, conversation: Conversation, encoder: TextEncoder) -> None:
    """Other versions of a question and of an answer are on no page until they are looked for."""
    first = say(conversation, "Hi", "mend the velo")
    edited = say(conversation, "mend a velo", "Hello", parent=None)
    again = Reply.objects.create(
        conversation=conversation, message=first.message, text="mend my velo", state="done", seed=1,
        deadline=timezone.now(),
    )  # fmt: skip
    embed(encoder)
    assert set(ids(encoder, person, "repair bicycle")) == {first.pk, edited.message_id, again.pk}
    copy = duplicate(conversation, upto=again.pk)
    embed(encoder)
    assert ids(encoder, person, "repair bicycle", copy) == [copy.replies.get().pk]


@pytest.mark.parametrize("fields", [{"state": "blocked", "text": ""}, {"state": "blocked"}, {"text": ""}])
def test_vectors_of_what_is_withheld_go_with_it(
    person: User, conversation: Conversation, encoder: TextEncoder, fields: dict[str, str]
) -> None:
    """By whatever code, in the same statement; taken back, they are as they were."""
    reply = say(conversation, "", "mend the velo")
    embed(encoder)
    with transaction.atomic():
        Reply.objects.filter(pk=reply.pk).update(**fields)
        assert not Embedding.objects.filter(reply=reply).exists()
        transaction.set_rollback(True)
    assert ids(encoder, person, "repair bicycle") == [reply.pk]
    Reply.objects.filter(pk=reply.pk).update(**fields)
    assert not Embedding.objects.exists()
    assert embed(encoder) == 0
    assert found(encoder, person, "repair bicycle") == []


def test_what_is_released_is_found_again(person: User, conversation: Conversation, encoder: TextEncoder) -> None:
    """An answer that was withheld by mistake is an answer like any other."""
    reply = say(conversation, "Hi", "mend the velo", state="running")
    originals.keep(reply.pk, reply.text)
    Reply.objects.filter(pk=reply.pk).update(state="blocked", text="", input_checked=True)
    assert embed(encoder) == 1
    assert found(encoder, person, "repair bicycle") == []
    releases.release(reply.pk)
    assert embed(encoder) == 1
    assert ids(encoder, person, "repair bicycle") == [reply.pk]


def test_a_temporary_chat_has_none(person: User, encoder: TextEncoder) -> None:
    hidden = Conversation.objects.create(owner=person, title="x", is_temporary=True)
    say(hidden, "mend the velo", "repair it")
    assert embed(encoder) == Embedding.objects.count() == 0
    kept = Conversation.objects.create(owner=person, title="x")
    say(kept, "mend the velo", "repair it")
    assert embed(encoder) == 2
    Conversation.objects.filter(pk=kept.pk).update(is_temporary=True)
    assert not Embedding.objects.exists()


def test_they_go_with_what_is_deleted(person: User, conversation: Conversation, encoder: TextEncoder) -> None:
    """A turn, a chat, a person."""
    for gone in (say(conversation, "one", "two").message, conversation, person):
        if isinstance(gone, User):
            say(Conversation.objects.create(owner=person, title="x"), "one", "two")
        assert Embedding.objects.count() == 2
        embed(encoder)
        gone.delete()
        assert not Embedding.objects.exists()
        if isinstance(gone, Message):
            say(conversation, "one", "two")


@pytest.mark.django_db(transaction=True)
def test_they_go_with_what_is_deleted_by_a_version_that_does_not_know_them(conversation: Conversation) -> None:
    """As one from before does, or one that looked before the row was there: nothing is left that stops it."""
    reply = say(conversation, "one", "two")
    Summary.objects.create(reply=reply, text="Both", finished_at=timezone.now())
    with transaction.atomic():
        Reply.objects.filter(pk=reply.pk)._raw_delete(connection.alias)
        Message.objects.filter(pk=reply.message_id)._raw_delete(connection.alias)
    assert not Embedding.objects.exists()
    assert not Summary.objects.exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one who writes at a time")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("restores", [False, True], ids=["ends", "is restored"])
def test_a_chat_can_be_deleted_while_rows_come(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch, restores: bool
) -> None:
    """Whoever deletes it has looked for its rows before: of an answer that ends, or a chat from before."""
    reply = say(conversation, "one", "two", state="done" if restores else "running")
    Embedding.objects.filter(reply=reply).delete()

    def delete() -> None:
        Conversation.objects.get(pk=conversation.pk).delete()
        connection.close()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            if restores:
                monkeypatch.setattr(embedding_rows, "_put_trigger", lambda *_trigger: None)  # would lock all of it
                embedding_rows.restore()
            else:
                Reply.objects.filter(pk=reply.pk).update(state="done")
            deleting = pool.submit(delete)
            with connection.cursor() as cursor:
                while not deleting.done():
                    cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                    if cursor.fetchone()[0]:
                        break
        deleting.result()
    assert not Embedding.objects.exists()
    assert not Conversation.objects.exists()


def test_a_text_that_changes_is_embedded_again_and_no_other(
    person: User, conversation: Conversation, encoder: TextEncoder
) -> None:
    """A row that is saved as it was keeps its vectors; while an answer is written it has none."""
    reply = say(conversation, "mend the velo", "Half of it", state="running")
    embed(encoder)
    assert not Embedding.objects.filter(reply=reply).exists()
    Reply.objects.filter(pk=reply.pk).update(state="done", text="All of it")
    assert embed(encoder) == 2
    reply.refresh_from_db()
    reply.save()
    reply.message.save()
    assert embed(encoder) == 0
    Message.objects.filter(pk=reply.message_id).update(text="quarterly tax")
    assert found(encoder, person, "repair bicycle") == []
    assert embed(encoder) == 1
    assert ids(encoder, person, "tax quarterly quarterly") == []  # that has the words
    assert found(encoder, person, "quarterly tax levy") is not None


@pytest.mark.parametrize("change", ["withheld", "changed", "deleted"])
def test_whoever_comes_late_stores_nothing(
    conversation: Conversation, encoder: TextEncoder, embedder: MeaningEmbedder, change: str
) -> None:
    """The text may change while its vectors are made."""
    reply = say(conversation, "Hi", "mend the velo")

    def meanwhile() -> None:
        embedder.before_answer = lambda: None
        rows = Reply.objects.filter(pk=reply.pk)
        if change == "deleted":
            conversation.delete()
        else:
            rows.update(**({"state": "blocked"} if change == "withheld" else {"text": "Another"}))

    embedder.before_answer = meanwhile
    embed(encoder)
    left = list(Embedding.objects.filter(reply=reply))
    assert [each.spans for each in left] == ([[[0, len("Another")]]] if change == "changed" else [])
    if change == "changed":
        expected = quantise(np.array([vector_of("another")], dtype=np.float32))
        assert bytes(left[0].vectors or b"") == expected.tobytes()


def test_another_model_embeds_everything_again(person: User, conversation: Conversation, encoder: TextEncoder) -> None:
    """Vectors of two models cannot be compared: until then there is nothing to compare with."""
    reply = say(conversation, "mend the velo")
    for name in ("meaning 2", "a name before"):
        embed(encoder)
        other = replace(encoder, name=name)
        assert found(other, person, "repair bicycle") == []
        assert (embed(other), embed(other)) == (1, 0)
        assert ids(other, person, "repair bicycle") == [reply.message_id]
        assert found(encoder, person, "repair bicycle") == []


def test_while_the_embedder_is_away_everything_waits(
    person: User, conversation: Conversation, encoder: TextEncoder, embedder: MeaningEmbedder
) -> None:
    """Words alone are found then, and nothing is lost."""
    say(conversation, "mend the velo")
    embedder.error = RetrievalUnavailable("away")
    assert embed(encoder) == 0
    assert found(encoder, person, "repair bicycle") is None
    embedder.error = None
    assert embed(encoder) == 1
    assert len(ids(encoder, person, "repair bicycle")) == 1


def test_a_slow_embedder_is_not_waited_for(person: User, encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(WordEmbedder):
        async def embed(self, texts: Sequence[str]) -> list[list[float]]:
            await asyncio.sleep(60)
            return []

    monkeypatch.setattr(search_meaning, "QUESTION_LIMIT_S", 0.01)
    assert found(replace(encoder, embedder=Slow()), person, "repair bicycle") is None


def test_a_chat_in_which_an_answer_is_written_is_left_for_later(
    conversation: Conversation, encoder: TextEncoder
) -> None:
    """The model that answers has the machine for itself."""
    say(conversation, "earlier", "words")
    reply = say(conversation, "now", "", state="queued")
    assert embed(encoder) == 0
    Reply.objects.filter(pk=reply.pk).update(state="cancelled")
    assert embed(encoder) == 3


def test_a_run_is_bounded_and_the_newest_come_first(
    conversation: Conversation, encoder: TextEncoder, embedder: MeaningEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What remains waits for the next one; of a very long text the beginning is enough."""
    assert embed(encoder, run_s=0) == 0
    monkeypatch.setattr(embedding, "TEXTS_AT_ONCE", 2)
    monkeypatch.setattr(embedding, "MAX_CHARS", 100)
    texts = [say(conversation, f"number {number} " + "words and words. " * 100).message for number in range(3)]
    embedder.before_answer = lambda: time.sleep(0.02)
    assert embed(encoder, run_s=0.01) == 2
    filled = dict(Embedding.objects.exclude(made_by="").values_list("message", "spans"))
    assert filled.keys() == {text.pk for text in texts[1:]}
    assert all(spans and spans[-1][1] <= 100 for spans in filled.values())


def test_what_says_nothing_is_looked_at_once(
    person: User, conversation: Conversation, encoder: TextEncoder, embedder: MeaningEmbedder
) -> None:
    """Dots and dashes have a vector, too, and it is near to nonsense."""
    say(conversation, "?!", "…")
    assert (embed(encoder), embed(encoder), embedder.num_texts) == (2, 0, 0)
    assert found(encoder, person, "repair bicycle") == []


def test_imported_chats_are_embedded(person: User, encoder: TextEncoder) -> None:
    """They come by another way than turns."""
    importing.store(person, importing.prepare(person, as_file([chatgpt()]), None, progress=lambda *_: None))
    num = Message.objects.count() + Reply.objects.exclude(text="").count()
    assert embed(encoder) == num > 1


@pytest.mark.parametrize("rows_at_once", [500, 1])
def test_chats_from_before_get_their_rows(
    conversation: Conversation, encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    """And rows that should not be go; vectors that are there stay."""
    monkeypatch.setattr(embedding_rows, "ROWS_AT_ONCE", rows_at_once)
    reply = say(conversation, "one", "two")
    embed(encoder)
    kept = Embedding.objects.get(reply=reply)
    Embedding.objects.exclude(pk=kept.pk).delete()
    hidden = say(Conversation.objects.create(owner=conversation.owner, title="x", is_temporary=True), "three")
    Embedding.objects.create(conversation=hidden.conversation, message=hidden.message)
    embedding_rows.before_migrations(plan=[1])
    later = say(conversation, "four")
    embedding_rows.after_migrations(plan=[1])
    assert bytes(Embedding.objects.get(reply=reply).vectors or b"") == bytes(kept.vectors or b"")
    assert set(Embedding.objects.exclude(message=None).values_list("message", flat=True)) == {
        reply.message_id,
        later.message_id,
    }
    assert embed(encoder) == 2


@pytest.fixture
def browser(client: Client, person: User, encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> Client:
    """In which the person is logged in, with the embedder of this module behind the server."""

    class Handed:
        async def __aenter__(self) -> TextEncoder:
            return encoder

        async def __aexit__(self, *_error: object) -> None:
            return None

    monkeypatch.setattr(wiring, "text_encoder", Handed)
    client.force_login(person)
    return client


def test_the_pages_show_it_below_the_words(
    browser: Client, conversation: Conversation, encoder: TextEncoder, embedder: MeaningEmbedder
) -> None:
    """With a request of its own, so the words do not wait; without scripts a link leads to all of it."""
    say(conversation, "Hi", "mend the <velo> velo")
    embed(encoder)
    embedder.num_texts = 0
    for address in ("/search/", "/search/results/"):
        html = browser.get(address, {"q": "repair bicycle"}).content.decode()
        assert "/search/similar/?q=repair+bicycle" in html
        assert "velo" not in html
        assert "/search/similar/" not in browser.get(address, {"q": '"repair bicycle"'}).content.decode()
    assert embedder.num_texts == 0
    for address in ("/search/similar/?q=repair+bicycle", "/search/similar/?q=repair+bicycle&page=1",
                    "/search/?q=repair+bicycle&by=meaning"):  # fmt: skip
        html = browser.get(address).content.decode()
        assert "mend the &lt;velo&gt; velo" in html, address
        assert "Similar in meaning" in html
    nothing = browser.get("/search/similar/?q=quarterly+tax").content.decode()
    assert "Nothing is similar in meaning." in nothing
    embedder.error = RetrievalUnavailable("away")
    assert browser.get("/search/similar/?q=quarterly+tax").content.strip() == b""


def test_the_scope_is_a_chat_of_ones_own(
    browser: Client, client: Client, conversation: Conversation, somebody_else: User
) -> None:
    """Absent and not yours look the same; who has no name yet has nothing to find."""
    theirs = Conversation.objects.create(owner=somebody_else, title="Theirs")
    assert browser.get("/search/similar/", {"q": "velo", "in": str(conversation.pk)}).status_code == 200
    for wrong in (str(theirs.pk), str(uuid.uuid4()), "x", "\0"):
        assert browser.get("/search/similar/", {"q": "velo", "in": wrong}).status_code == 404
    client.logout()
    assert client.get("/search/similar/", {"q": "velo"}).content.strip() == b""


def test_the_chat_says_what_to_mark(browser: Client, conversation: Conversation, somebody_else: User) -> None:
    """What stands at the characters of the link; a mangled one still opens the chat."""
    reply = say(conversation, "Why?", 'Mend it. "Then" <ride>. Done.')
    for turn, chars, marked in (
        (reply.pk, "9-22", 'data-passage="&quot;Then&quot; &lt;ride&gt;"'),
        (reply.message_id, "0-3", 'data-passage="Why"'),
        *((reply.pk, wrong, 'data-passage=""') for wrong in ("", "9", "x-y", "99-100", "5-2", "٣-٤", "9" * 50 + "-1")),
        (uuid.uuid4(), "0-3", 'data-passage=""'),
    ):
        html = browser.get(f"/c/{conversation.pk}/", {"at": str(turn), "chars": chars}).content.decode()
        assert marked in html, chars
