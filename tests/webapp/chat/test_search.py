"""Search finds every word that was kept, and no other: not withheld, not temporary, not somebody else's."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Folder, Message, Reply, Tag
from webapp.chat.services.conversations import rename
from webapp.chat.services.search import Hit, by_chat, search
from webapp.chat.services.search_query import MAX_CHARS, Phrase, parse

pytestmark = pytest.mark.django_db

Say = Callable[..., Reply]


@pytest.fixture
def conversation(person: User) -> Conversation:
    return Conversation.objects.create(owner=person, title="Sunday baking")


def say(
    conversation: Conversation, question: str, answer: str = "", *, state: str = "done", parent: Reply | None = None
) -> Reply:
    message = Message.objects.create(id=uuid.uuid4(), conversation=conversation, parent=parent, text=question)
    return Reply.objects.create(
        conversation=conversation, message=message, text=answer, state=state, seed=1, deadline=timezone.now()
    )


def places(hits: list[Hit]) -> list[tuple[str, uuid.UUID]]:
    return [(hit.kind, hit.object_id) for hit in hits]


def marked(hit: Hit) -> list[str]:
    return [piece.text for piece in hit.snippet if piece.is_match]


def test_a_hit_lands_on_its_sentence(person: User, conversation: Conversation) -> None:
    """The link names the message or the reply, and the words to mark there."""
    reply = say(
        conversation, "How do I bake bread?", "Knead the dough.  Let it rest\nfor an hour. " + "Then wait. " * 50
    )
    (hit,) = search(person, "dough")
    assert places([hit]) == [("reply", reply.pk)]
    assert hit.url == f"/c/{conversation.pk}/?at={reply.pk}&q=dough"
    assert marked(hit) == ["dough"]
    text = "".join(piece.text for piece in hit.snippet)
    assert text.startswith("Knead the dough. Let it rest for an hour.")
    assert text.endswith("…")
    (question,) = search(person, "bread")
    assert question.kind == "message"


def test_words_are_found_by_their_beginning_and_exactly_in_quotes(person: User, conversation: Conversation) -> None:
    """As one types, each letter narrows; quotes ask for the words as they stand."""
    say(conversation, "Hi", "The sourdough starter is lively, don’t rush it. Café au lait.")
    for typed in ("sour", "SOURDOUGH", "star sour", '"sourdough starter"', "don’t", '"sourdough starter" live'):
        assert len(search(person, typed)) == 1, typed
    for typed in ('"dough"', '"starter sourdough"', '"sour"', "sour absent", "", "   ", '"', "…", "*"):
        assert search(person, typed) == [], typed


@pytest.mark.parametrize(
    ("text", "typed", "hit"),
    [
        ("明日は東京で会議があります。", "東京", "東京"),
        ("我昨天买了苹果和梨。", "苹果 梨", "苹果"),
        ("我昨天买了苹果和梨。", '"苹果"', "苹果"),
        ("ฉันชอบกินข้าวผัดกุ้งมาก", "ข้าวผัด", "ข้าวผัด"),
        ("اشتريت الكتاب من السوق", "كتاب", "كتاب"),
        ("Der Apfelkuchen war gut.", "kuchen", "kuchen"),
        ("The Sourdough rises.", "DOUGH", "dough"),
        ("Die Preisänderung kam spät.", "Änderung", "änderung"),
        ("ЭЛЕКТРОПОЕЗД ушёл.", "поезд", "ПОЕЗД"),
    ],
)
def test_words_are_found_inside_others_where_there_is_nothing_else(
    person: User, conversation: Conversation, text: str, typed: str, hit: str
) -> None:
    """Not every script has spaces, and not every language puts words apart."""
    reply = say(conversation, "Hi", text)
    (found,) = search(person, typed)
    assert (found.object_id, marked(found)[0]) == (reply.pk, hit)
    assert "".join(piece.text for piece in found.snippet) == text


def test_what_stands_inside_a_sentence_without_spaces_is_found_beside_what_begins_one(
    person: User, conversation: Conversation
) -> None:
    """The index has only the second; and the title counts, too."""
    say(conversation, "我们明天去东京", "好的。")
    say(conversation, "东京怎么样？", "很大。")
    rename(conversation, "去东京旅行")
    assert [hit.kind for hit in search(person, "东京")] == ["title", "message", "message"]
    assert search(person, "东京 大阪") == []


def test_inside_words_nobody_finds_what_is_not_to_be_found(
    person: User, somebody_else: User, conversation: Conversation
) -> None:
    """What is withheld, still written, temporary or somebody else's; nor too little to be told apart."""
    say(conversation, "Hi", "Apfelkuchen", state="running")
    say(conversation, "Hi", "Apfelkuchen", state="blocked")
    say(Conversation.objects.create(owner=person, title="Kirschkuchen", is_temporary=True), "Apfelkuchen")
    say(Conversation.objects.create(owner=somebody_else, title="Kirschkuchen"), "Apfelkuchen")
    assert search(person, "kuchen") == []
    say(conversation, "Streuselkuchen")
    assert len(search(person, "kuchen")) == 1
    assert search(person, "ku") == search(person, "en") == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL would need its extension unaccent")
def test_accents_make_no_difference(person: User, conversation: Conversation) -> None:
    """Not every keyboard has them."""
    say(conversation, "Hi", "Café au lait")
    assert len(search(person, "cafe")) == len(search(person, "CAFÉ")) == 1


def test_every_branch_is_searched(person: User, conversation: Conversation) -> None:
    """A version that is not on the page is found too; the page then shows its branch."""
    first = say(conversation, "Which flour?", "Take rye.")
    other = Reply.objects.create(
        conversation=conversation,
        message=first.message,
        text="Take spelt.",
        state="done",
        seed=1,
        deadline=timezone.now(),
    )
    assert places(search(person, "rye")) == [("reply", first.pk)]
    assert places(search(person, "take")) == [("reply", other.pk), ("reply", first.pk)]


def test_titles_come_first_then_the_newest(person: User, conversation: Conversation) -> None:
    """Within a rank people look for what they did last."""
    other = Conversation.objects.create(owner=person, title="Stollen for Christmas")
    old, new = say(other, "baking one"), say(other, "baking two")
    Message.objects.filter(pk=old.message_id).update(created_at=timezone.now() - timedelta(days=9))
    hits = search(person, "baking")
    assert [hit.kind for hit in hits] == ["title", "message", "message"]
    assert [hit.object_id for hit in hits[1:]] == [new.message_id, old.message_id]
    first, second = by_chat(hits)
    assert (first.conversation, first.hits) == (conversation, ())
    assert [piece.text for piece in first.title if piece.is_match] == ["baking"]
    assert second.conversation == other
    assert len(second.hits) == 2


def test_one_chat_does_not_hide_the_others(person: User, conversation: Conversation) -> None:
    """The most talkative chat gives a few hits; inside it all are found."""
    other = Conversation.objects.create(owner=person, title="Other")
    say(other, "yeast")
    for number in range(30):
        say(conversation, f"yeast {number}")
    assert {hit.conversation.pk for hit in search(person, "yeast", limit=10)} == {conversation.pk, other.pk}
    inside = search(person, "yeast", conversation, limit=100)
    assert len(inside) == 30


def test_filters_narrow_by_tag_folder_pin_and_archive(person: User, conversation: Conversation) -> None:
    """As in Open WebUI; filters alone list chats."""
    folder = Folder.objects.create(owner=person, name="Old recipes")
    Conversation.objects.filter(pk=conversation.pk).update(folder=folder, pinned=True)
    Tag.objects.create(conversation=conversation, name="kitchen")
    other = Conversation.objects.create(owner=person, title="Gone", archived_at=timezone.now())
    say(conversation, "flour"), say(other, "flour")
    assert len(search(person, "flour")) == 2
    for typed in (
        "flour tag:Kitchen",
        "folder:old flour",
        'folder:"old recipes" flour',
        "pinned: flour",
        "tag:kitchen",
    ):
        assert [hit.conversation for hit in search(person, typed)] == [conversation], typed
    assert [hit.conversation for hit in search(person, "archived: flour")] == [other]
    assert search(person, "flour tag:garden") == []


def test_nobody_finds_anothers_words(person: User, somebody_else: User, conversation: Conversation) -> None:
    """Not in all chats, and not by naming the other's chat."""
    say(conversation, "My secret marzipan", "Your secret marzipan")
    Conversation.objects.create(owner=somebody_else, title="Mine")
    assert len(search(person, "marzipan")) == 2
    assert search(somebody_else, "marzipan") == []
    assert search(somebody_else, "marzipan", conversation) == []
    assert search(somebody_else, "Sunday") == []


def test_an_answer_is_found_when_it_has_ended(person: User, conversation: Conversation) -> None:
    """While it is written the guard may still take it back."""
    reply = say(conversation, "Hi", "Half of the marzipan", state="running")
    assert search(person, "marzipan") == []
    Reply.objects.filter(pk=reply.pk).update(text="All of the marzipan", state="done")
    assert places(search(person, "marzipan")) == [("reply", reply.pk)]


@pytest.mark.parametrize("fields", [{"state": "blocked", "text": ""}, {"state": "blocked"}, {"text": ""}])
def test_what_is_withheld_leaves_the_index_at_once(
    person: User, conversation: Conversation, fields: dict[str, str]
) -> None:
    """By whatever code it was withheld, and from the index itself, not only from the answers."""
    reply = say(conversation, "Hi", "The marzipan")
    assert len(search(person, "marzipan")) == 1
    Reply.objects.filter(pk=reply.pk).update(**fields)
    assert search(person, "marzipan") == []
    assert "marzipan" not in words_in_the_index()


def test_what_is_deleted_leaves_the_index(person: User, conversation: Conversation) -> None:
    """A chat takes everything along, the person too."""
    say(conversation, "marzipan", "marzipan")
    conversation.delete()
    assert words_in_the_index() == ""
    again = Conversation.objects.create(owner=person, title="marzipan")
    say(again, "marzipan", "marzipan")
    person.delete()
    assert words_in_the_index() == ""


def test_a_temporary_chat_is_never_indexed(person: User) -> None:
    """It is in no list and in no search, not even as what is stored of it."""
    hidden = Conversation.objects.create(owner=person, title="marzipan", is_temporary=True)
    say(hidden, "marzipan", "marzipan")
    assert search(person, "marzipan") == []
    assert words_in_the_index() == ""
    kept = Conversation.objects.create(owner=person, title="marzipan")
    say(kept, "marzipan", "marzipan")
    assert len(search(person, "marzipan")) == 3
    Conversation.objects.filter(pk=kept.pk).update(is_temporary=True)
    assert words_in_the_index() == ""


def test_a_new_title_takes_the_place_of_the_old(person: User, conversation: Conversation) -> None:
    conversation.title = "Cakes"
    conversation.save()
    assert search(person, "Sunday") == []
    assert len(search(person, "cakes")) == 1


def words_in_the_index() -> str:
    """Everything the index keeps, on SQLite; PostgreSQL has no copy of the words."""
    if connection.vendor != "sqlite":
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM chat_search WHERE rowid NOT IN (SELECT id FROM chat_search_entry)")
        assert cursor.fetchall() == []
        cursor.execute("SELECT s.text FROM chat_search s JOIN chat_search_entry e ON e.id = s.rowid")
        return " ".join(row[0] for row in cursor.fetchall())


def test_the_query_is_taken_apart() -> None:
    """Words, quotes and filters; what means nothing stays a word."""
    query = parse('bread "sour dough" tag:kitchen folder:"Old things" PINNED: http:x "open end')
    assert query.phrases == (
        Phrase(text="bread", is_exact=False),
        Phrase(text="sour dough", is_exact=True),
        Phrase(text="http:x", is_exact=False),
        Phrase(text="open end", is_exact=True),
    )
    assert (query.tags, query.folders, query.is_pinned, query.is_archived) == (
        ("kitchen",),
        ("Old things",),
        True,
        False,
    )
    assert query.words == "bread sour dough http:x open end"


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    typed=st.text(max_size=60)
    | st.text(alphabet="\"*\0(){}^:-+ANDORT\ud800 \u0301é'\\%_", max_size=60)
    | st.lists(
        st.sampled_from(['"', "NEAR(", "a*", "tag:", 'folder:"', "pinned:", "\0", "NOT", "AND", "^a", "{text}:"])
    ).map(" ".join)
)
def test_nothing_that_is_typed_breaks_the_search(typed: str, person: User) -> None:
    """Neither the grammar of FTS5 nor that of tsquery is within reach."""
    conversation = Conversation.objects.get_or_create(owner=person, title="a AND b")[0]
    for hit in [*search(person, typed), *search(person, typed, conversation)]:
        assert hit.conversation == conversation


def test_ten_thousand_characters_are_cut(person: User) -> None:
    assert search(person, "x" * 10_000) == []
    assert search(person, '"' * 10_000) == []
    assert len(parse("y" * 10_000).words) == MAX_CHARS


@pytest.fixture
def browser(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


def test_the_pages_show_hits_with_the_words_marked(browser: Client, conversation: Conversation) -> None:
    """What somebody wrote is text, whatever it looks like."""
    reply = say(conversation, "Hi", "The <b>marzipan</b> & more")
    for address in ("/search/", "/search/results/"):
        html = browser.get(address, {"q": "marzipan"}).content.decode()
        assert "&lt;b&gt;<mark>marzipan</mark>&lt;/b&gt; &amp; more" in html
        assert f"?at={reply.pk}&amp;q=marzipan" in html
        assert "Sunday baking" in html


def test_the_scope_is_one_chat_of_ones_own(browser: Client, conversation: Conversation, somebody_else: User) -> None:
    other = Conversation.objects.create(owner=conversation.owner, title="Other")
    say(conversation, "marzipan one"), say(other, "marzipan two")
    html = browser.get("/search/results/", {"q": "marzipan", "in": str(conversation.pk)}).content.decode()
    assert ("one" in html, "two" in html) == (True, False)
    theirs = Conversation.objects.create(owner=somebody_else, title="Theirs")
    for wrong in (str(theirs.pk), str(uuid.uuid4()), "x", "\0"):
        assert browser.get("/search/results/", {"q": "marzipan", "in": wrong}).status_code == 404


def test_a_newcomer_may_open_the_search(client: Client, db: Any) -> None:
    """Somebody without a name has nothing to find yet, and that is no error."""
    for address in ("/search/", "/search/results/"):
        assert client.get(address, {"q": "marzipan"}).status_code == 200
