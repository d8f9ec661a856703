"""Sealed words are no words: indexed, they would stay as such for ever. Made anew, the indexes lose those of before."""

from typing import Any

from django.db import migrations

WORDS_BEFORE = "to_tsvector('simple', regexp_replace({column}, '[^[:alnum:]]+', ' ', 'g'))"
WORDS_OF = r"to_tsvector('simple', regexp_replace({column}, '^\ufdd0.*|[^[:alnum:]]+', ' ', 'g'))"
PLACES = {
    "chat_search_title": ("chat_conversation", "title", ""),
    "chat_search_message": ("chat_message", "text", ""),
    "chat_search_reply": ("chat_reply", "text", " WHERE state IN ('done', 'cancelled', 'failed')"),
}


def make(_apps: Any, editor: Any) -> None:
    _make_anew(editor, WORDS_OF)


def unmake(_apps: Any, editor: Any) -> None:
    _make_anew(editor, WORDS_BEFORE)


def _make_anew(editor: Any, words_of: str) -> None:
    if editor.connection.vendor != "postgresql":
        return
    for name, (table, column, condition) in PLACES.items():
        editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        words = words_of.format(column=column)
        editor.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} USING gin ({words}){condition}")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("chat", "0048_conversation_ended_at")]
    operations = [migrations.RunPython(make, unmake)]
