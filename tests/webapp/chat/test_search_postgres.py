"""What the indexes of PostgreSQL hold: what the queries ask for, and nothing that is sealed."""

import pytest
from django.db import connection

from tests.webapp.chat.talking import end, send
from webapp.accounts.models import User
from webapp.chat.services.search_postgres import _WORDS_OF

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("redis"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's own indexes"),
]
ENDED = " WHERE state IN ('done', 'cancelled', 'failed')"
PLACES = {
    "chat_search_title": ("chat_conversation", "title", ""),
    "chat_search_message": ("chat_message", "text", ""),
    "chat_search_reply": ("chat_reply", "text", ENDED),
}


@pytest.mark.parametrize("table", ["chat_message", "chat_reply"])
def test_a_sealed_text_has_no_words(person: User, table: str) -> None:
    end(send(person, "Sunday baking\nwith Ada", is_temporary=True), text="Knead the dough.\n" * 50)
    kept = end(send(person, "Sunday baking\nwith Ada"), text="Knead\nthe dough.")
    with connection.cursor() as cursor:
        words = _WORDS_OF.format(column="text")
        cursor.execute(
            f"SELECT length({words}), length(text) FROM {table} WHERE conversation_id <> %s", [kept.conversation_id]
        )
        ((num_words, num_chars),) = cursor.fetchall()
        cursor.execute(f"SELECT length({words}) FROM {table} WHERE conversation_id = %s", [kept.conversation_id])
        assert cursor.fetchall() == [(4 if table == "chat_message" else 3,)]
    assert num_chars > 40
    assert num_words == 0


@pytest.mark.parametrize("name", PLACES)
def test_an_index_is_of_what_is_asked_for(name: str) -> None:
    """Another expression, and PostgreSQL would read every row."""
    table, column, condition = PLACES[name]
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX wanted ON {table} USING gin ({_WORDS_OF.format(column=column)}){condition}")
        cursor.execute("SELECT pg_get_indexdef('wanted'::regclass), pg_get_indexdef(%s::regclass)", [name])
        ((wanted, found),) = cursor.fetchall()
    assert found == wanted.replace("INDEX wanted", f"INDEX {name}")
