"""Which texts have a row in `chat_embedding`: triggers keep it exact, so that no code path can forget it.

    chat_message ──────┐
    chat_reply, ended ─┼─ triggers ─▶ chat_embedding ──a worker fills what waits──▶ vectors
    is_temporary ──────┘   in the same transaction

A row comes when its text may be found: that of a message, and of an answer that has ended. It goes when the text is
withheld, changes or goes, whoever deletes it: a version that does not know the table, or one that looked before the row
was there. With an answer its summary goes the same way. Changing a table drops its triggers or is refused because of
them: they are taken away before migrations and put back afterwards, with the rows that are missing.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection, transaction

ROWS_AT_ONCE = 500
_ENDED = "('done', 'cancelled', 'failed')"
# The texts that may be found.
_FINDABLE = {
    "message": "chat_message x JOIN chat_conversation c ON c.id = x.conversation_id"
    " WHERE NOT c.is_temporary AND x.text != ''",
    "reply": "chat_reply x JOIN chat_conversation c ON c.id = x.conversation_id"
    f" WHERE NOT c.is_temporary AND x.text != '' AND x.state IN {_ENDED}",
}


def _put(kind: str, which: str, lock: str = "") -> str:
    return (
        f"INSERT INTO chat_embedding (made_by, conversation_id, {kind}_id)"  # noqa: S608  # made of constants
        f" SELECT '', x.conversation_id, x.id FROM {_FINDABLE[kind]} AND {which} {lock} ON CONFLICT DO NOTHING;"
    )


def _drop(which: str) -> str:
    return f"DELETE FROM chat_embedding WHERE {which};"  # noqa: S608  # made of constants


_PUT_MESSAGE, _PUT_REPLY = _put("message", "x.id = new.id"), _put("reply", "x.id = new.id")
_CHANGED = "old.text != new.text OR old.conversation_id != new.conversation_id"
# name: when, which of the rows, what; in words that both databases know
_TRIGGERS = {
    "chat_embedding_message_new": ("INSERT ON chat_message", "TRUE", _PUT_MESSAGE),
    "chat_embedding_message_text": (
        "UPDATE OF text, conversation_id ON chat_message",
        _CHANGED,
        f"{_drop('message_id = old.id')} {_PUT_MESSAGE}",
    ),
    "chat_embedding_message_gone": ("DELETE ON chat_message", "TRUE", _drop("message_id = old.id")),
    "chat_embedding_reply_new": ("INSERT ON chat_reply", f"new.state IN {_ENDED}", _PUT_REPLY),
    # Not while it is written, and not where an ended one is saved as it was.
    "chat_embedding_reply_text": (
        "UPDATE OF text, state, conversation_id ON chat_reply",
        f"(old.state IN {_ENDED}) != (new.state IN {_ENDED}) OR (new.state IN {_ENDED} AND ({_CHANGED}))",
        f"{_drop('reply_id = old.id')} {_PUT_REPLY}",
    ),
    "chat_embedding_reply_gone": (
        "DELETE ON chat_reply",
        "TRUE",
        f"{_drop('reply_id = old.id')} DELETE FROM chat_summary WHERE reply_id = old.id;",  # noqa: S608  # as above
    ),
    "chat_embedding_kept": (
        "UPDATE OF is_temporary ON chat_conversation",
        "old.is_temporary != new.is_temporary",
        f"{_drop('conversation_id = old.id')} {_put('message', 'x.conversation_id = new.id')}"
        f" {_put('reply', 'x.conversation_id = new.id')}",
    ),
}


def before_migrations(*, plan: Sequence[object] = (), **_signal: object) -> None:
    """Take the triggers away, if there is anything to migrate."""
    if plan and "chat_reply" in connection.introspection.table_names():
        _drop_triggers()


def after_migrations(*, plan: Sequence[object] = (), **_signal: object) -> None:
    """Put the triggers back, and the rows that are missing, if there was anything to migrate."""
    if plan and "chat_embedding" in connection.introspection.table_names():
        restore()


def restore() -> None:
    """Make the rows what they should be, while people chat. Vectors that are there stay.

    Nothing is locked for longer than a moment: each trigger and each batch of texts has a transaction of its own. The
    triggers come first, so that no text slips in between; what changes while its row is put is looked at last.
    """
    for name in _TRIGGERS:
        with transaction.atomic(), connection.cursor() as cursor:
            _put_trigger(cursor, name)
    lock = "FOR SHARE OF x" if connection.vendor == "postgresql" else ""
    for kind, findable in _FINDABLE.items():
        has_row = f"EXISTS (SELECT 1 FROM chat_embedding e WHERE e.{kind}_id = x.id)"  # noqa: S608  # made of constants
        put = _put(kind, f"x.id > %s AND x.id <= %s AND NOT {has_row}", lock)
        for bounds in _batches(f"chat_{kind}", "00000000-0000-0000-0000-000000000000"):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(put, bounds)
        is_findable = f"EXISTS (SELECT 1 FROM {findable} AND x.id = chat_embedding.{kind}_id)"  # noqa: S608
        drop = _drop(f"id > %s AND id <= %s AND {kind}_id IS NOT NULL AND NOT {is_findable}")
        for bounds in _batches("chat_embedding", 0):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(drop, bounds)


def _batches(table: str, first: str | int) -> Iterator[tuple[Any, Any]]:
    """(after, up to) of the keys of all rows, so many at once."""
    keys = f"SELECT id FROM {table} WHERE id > %s ORDER BY id LIMIT {ROWS_AT_ONCE}"  # noqa: S608  # made of constants
    after: Any = first
    while True:
        with connection.cursor() as cursor:
            cursor.execute(keys, [after])
            found = cursor.fetchall()
        if not found:
            return
        (last,) = found[-1]
        yield after, last
        after = last


def _put_trigger(cursor: Any, name: str) -> None:
    when, which, what = _TRIGGERS[name]
    _drop_trigger(cursor, name)
    action = f"BEGIN {what} END"
    if connection.vendor == "postgresql":
        cursor.execute(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
            f" AS $$ BEGIN {what} RETURN NULL; END $$"
        )
        action = f"EXECUTE FUNCTION {name}()"
    cursor.execute(f"CREATE TRIGGER {name} AFTER {when} FOR EACH ROW WHEN ({which}) {action}")


def _drop_triggers() -> None:
    for name in _TRIGGERS:
        with connection.cursor() as cursor:
            _drop_trigger(cursor, name)


def _drop_trigger(cursor: Any, name: str) -> None:
    when, _which, _what = _TRIGGERS[name]
    table = f" ON {when.rpartition(' ')[2]}" if connection.vendor == "postgresql" else ""
    cursor.execute(f"DROP TRIGGER IF EXISTS {name}{table}")
