"""Search on SQLite: an FTS5 table that triggers keep exact, so that no code path can forget it.

    chat_message ─┐                                       rowid
    chat_reply   ─┼─ triggers ─▶ chat_search_entry (id) ◀───────── chat_search (the words)
    titles       ─┘              what and where it is

SQLite may renumber the rows of tables without an integer key, so the words hang on a table of our own that has one.
Changing a table drops its triggers or is refused because of them: they are taken away before migrations and put back
afterwards, and the index is built anew then.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from webapp.chat.models import Conversation
from webapp.chat.services.search_query import Query
from webapp.chat.services.search_rows import HIT_BEGINS, HIT_ENDS, Found

NUM_LOOKED_AT = 1000
SNIPPET_WORDS = 24
_ENDED = "('done', 'cancelled', 'failed')"
_TABLES = """
CREATE TABLE IF NOT EXISTS chat_search_entry (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, object_id TEXT NOT NULL, conversation_id TEXT NOT NULL,
    at TEXT NOT NULL, UNIQUE (object_id, kind)
);
CREATE INDEX IF NOT EXISTS chat_search_entry_conversation ON chat_search_entry (conversation_id);
CREATE VIRTUAL TABLE IF NOT EXISTS chat_search
    USING fts5(text, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
"""
# kind: its rows as (id, conversation, at, text), those only that may be found
_SOURCES = {
    "title": "SELECT x.id, x.id AS conversation_id, x.created_at AS at, x.title AS text FROM chat_conversation x"
    " WHERE NOT x.is_temporary",
    "message": "SELECT x.id, x.conversation_id, x.created_at AS at, x.text FROM chat_message x"
    " JOIN chat_conversation c ON c.id = x.conversation_id WHERE NOT c.is_temporary",
    "reply": "SELECT x.id, x.conversation_id, x.created_at AS at, x.text FROM chat_reply x"  # noqa: S608  # made of constants
    " JOIN chat_conversation c ON c.id = x.conversation_id"
    f" WHERE NOT c.is_temporary AND x.state IN {_ENDED} AND x.text != ''",
}
# Titles count downwards from -1, the rest upwards from 0: each can be read alone, the rest newest first.
_IDS = {
    "title": "(SELECT min(0, coalesce(min(id), 0)) FROM chat_search_entry) - row_number() OVER (ORDER BY at)",
    "message": "NULL",
    "reply": "NULL",
}


def _put(kind: str, which: str) -> str:
    rows = f"{_SOURCES[kind]} AND {which}"
    return (
        "INSERT INTO chat_search_entry (id, kind, object_id, conversation_id, at)"  # noqa: S608  # made of constants
        f" SELECT {_IDS[kind]}, '{kind}', id, conversation_id, at FROM ({rows}) ORDER BY at;"
        f" INSERT INTO chat_search (rowid, text) SELECT e.id, r.text FROM ({rows}) r"
        f" JOIN chat_search_entry e ON e.object_id = r.id AND e.kind = '{kind}';"
    )


def _drop(which: str) -> str:
    return (
        f"DELETE FROM chat_search WHERE rowid IN (SELECT id FROM chat_search_entry WHERE {which});"  # noqa: S608  # made of constants
        f" DELETE FROM chat_search_entry WHERE {which};"
    )


_OF_REPLY = "object_id = old.id AND kind = 'reply'"
_OF_MESSAGE = "object_id = old.id AND kind = 'message'"
_OF_TITLE = "object_id = old.id AND kind = 'title'"
_TRIGGERS = {
    "chat_search_message_new": f"AFTER INSERT ON chat_message BEGIN {_put('message', 'x.id = new.id')} END",
    "chat_search_message_text": "AFTER UPDATE OF text, conversation_id ON chat_message"
    f" BEGIN {_drop(_OF_MESSAGE)} {_put('message', 'x.id = new.id')} END",
    "chat_search_message_gone": f"AFTER DELETE ON chat_message BEGIN {_drop(_OF_MESSAGE)} END",
    "chat_search_reply_new": f"AFTER INSERT ON chat_reply WHEN new.state IN {_ENDED}"
    f" BEGIN {_put('reply', 'x.id = new.id')} END",
    # Not while it is written: several updates a second would index every word again and again.
    "chat_search_reply_text": "AFTER UPDATE OF text, state, conversation_id ON chat_reply"
    f" WHEN old.state IN {_ENDED} OR new.state IN {_ENDED}"
    f" BEGIN {_drop(_OF_REPLY)} {_put('reply', 'x.id = new.id')} END",
    "chat_search_reply_gone": f"AFTER DELETE ON chat_reply BEGIN {_drop(_OF_REPLY)} END",
    "chat_search_title_new": f"AFTER INSERT ON chat_conversation BEGIN {_put('title', 'x.id = new.id')} END",
    "chat_search_title_text": "AFTER UPDATE OF title ON chat_conversation WHEN old.title != new.title"
    f" BEGIN {_drop(_OF_TITLE)} {_put('title', 'x.id = new.id')} END",
    "chat_search_title_gone": f"AFTER DELETE ON chat_conversation BEGIN {_drop(_OF_TITLE)} END",
    "chat_search_kept": "AFTER UPDATE OF is_temporary ON chat_conversation WHEN old.is_temporary != new.is_temporary"
    f" BEGIN {_drop('conversation_id = old.id')} {_put('title', 'x.id = new.id')}"
    f" {_put('message', 'x.conversation_id = new.id')} {_put('reply', 'x.conversation_id = new.id')} END",
}
# A frequent word stands in nearly every text. Of its places only the newest are looked at: CROSS JOIN keeps SQLite to
# this order, in which it can stop.
_FIND = f"""
WITH found AS (
    SELECT * FROM (
        SELECT e.id, e.kind, e.object_id, e.conversation_id, c.updated_at AS at
        FROM chat_search s CROSS JOIN chat_search_entry e ON e.id = s.rowid
        CROSS JOIN chat_conversation c ON c.id = e.conversation_id
        WHERE s.chat_search MATCH %s AND s.rowid < 0 AND e.conversation_id IN ({{allowed}})
        ORDER BY s.rowid LIMIT {NUM_LOOKED_AT}
    ) UNION ALL SELECT * FROM (
        SELECT e.id, e.kind, e.object_id, e.conversation_id, e.at
        FROM chat_search s CROSS JOIN chat_search_entry e ON e.id = s.rowid
        WHERE s.chat_search MATCH %s AND s.rowid >= 0 AND e.conversation_id IN ({{allowed}})
        ORDER BY s.rowid DESC LIMIT {NUM_LOOKED_AT}
    )
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY conversation_id ORDER BY kind = 'title' DESC, at DESC) AS place
    FROM found
)
SELECT id, kind, object_id, conversation_id, at FROM placed WHERE place <= %s
ORDER BY kind = 'title' DESC, at DESC LIMIT %s
"""  # noqa: S608  # made of constants
# One pass: the plus keeps SQLite from asking for the match anew with each id.
_SNIPPETS = """
SELECT rowid, snippet(chat_search, 0, %s, %s, '…', {words}) FROM chat_search
WHERE chat_search MATCH %s AND rowid BETWEEN {first} AND {last} AND +rowid IN ({ids})
"""


def find(query: Query, allowed: QuerySet[Conversation], *, per_chat: int, limit: int) -> list[Found]:
    """The rows that hold every phrase, of the allowed conversations."""
    match = _match(query)
    allowed_sql, allowed_params = allowed.order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_FIND.format(allowed=allowed_sql), [*[match, *allowed_params] * 2, per_chat, limit])
        rows = cursor.fetchall()
        marked = _snippets(cursor, match, [row[0] for row in rows])
    return [
        Found(
            kind=kind,
            object_id=UUID(object_id),
            conversation_id=UUID(conversation_id),
            at=datetime.fromisoformat(at).replace(tzinfo=UTC),
            marked=marked[rowid],
        )
        for rowid, kind, object_id, conversation_id, at in rows
        if rowid in marked  # gone or withheld between the two queries
    ]


def having_words(query: Query, texts: Collection[UUID]) -> set[UUID]:
    """Those of these messages and replies that hold every phrase."""
    places = ", ".join(["%s"] * len(texts))
    entries = f"SELECT id, object_id FROM chat_search_entry WHERE object_id IN ({places}) AND id >= 0"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(entries, [text.hex for text in texts])
        known = dict(cursor.fetchall())
        marked = _snippets(cursor, _match(query), list(known))
    return {UUID(known[rowid]) for rowid in marked}


def _snippets(cursor: Any, match: str, ids: Sequence[int]) -> dict[int, str]:
    if not ids:
        return {}
    sql = _SNIPPETS.format(words=SNIPPET_WORDS, first=min(ids), last=max(ids), ids=", ".join(map(str, ids)))
    cursor.execute(sql, [HIT_BEGINS, HIT_ENDS, match])
    return dict(cursor.fetchall())


def _match(query: Query) -> str:
    """In quotes nothing has a meaning of its own; the tokenizer splits what is in them."""
    return " ".join(f'"{phrase.text}"' if phrase.is_exact else f'"{phrase.text}" *' for phrase in query.phrases)


def forget_deleted() -> None:
    """Take the words of deleted texts out of the index's own tables, where FTS5 only marks them until it merges.

    Reads and writes the whole index: some seconds for a million texts, in which nobody else can write.
    """
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO chat_search (chat_search) VALUES ('optimize')")
        if not connection.in_atomic_block:  # the pages as they were before still stand in the log
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def before_migrations(*, plan: Sequence[object] = (), **_signal: object) -> None:
    """Take the triggers away, if there is anything to migrate."""
    if connection.vendor == "sqlite" and plan:
        with connection.cursor() as cursor:
            for name in _TRIGGERS:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def after_migrations(*, plan: Sequence[object] = (), **_signal: object) -> None:
    """Put the triggers back and index everything there is, if there was anything to migrate."""
    if connection.vendor == "sqlite" and plan and "chat_reply" in connection.introspection.table_names():
        rebuild()


def rebuild() -> None:
    """Make the index anew from the rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in [*_TABLES.split(";"), *_drop("TRUE").split(";")]:
            if statement.strip():
                cursor.execute(statement)
        for kind in _SOURCES:
            for statement in filter(str.strip, _put(kind, "TRUE").split(";")):
                cursor.execute(statement)
        for name, body in _TRIGGERS.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(f"CREATE TRIGGER {name} {body}")
