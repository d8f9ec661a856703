"""Search on PostgreSQL: GIN indexes on the words of the rows themselves (migration 0049), so nothing can go stale."""

import re
from collections.abc import Collection
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from webapp.chat.models import Conversation
from webapp.chat.services.search_query import Phrase, Query
from webapp.chat.services.search_rows import HIT_BEGINS, HIT_ENDS, Found

_WORD = re.compile(r"[^\W_]+")
_CHARS_BEFORE, _CHARS_AFTER = 60, 120
# Exactly what migration 0049 indexes. PostgreSQL's own parser keeps addresses and hyphenated words whole, so that a
# part of them would not be found: only letters and digits make words here, and in what is sealed nothing does.
_WORDS_OF = r"to_tsvector('simple', regexp_replace({column}, '^\ufdd0.*|[^[:alnum:]]+', ' ', 'g'))"
_FIND = f"""
WITH wanted AS (SELECT to_tsquery('simple', %s) AS words), allowed (chat_id) AS ({{allowed}}), found AS (
    SELECT 'title' AS kind, x.id, x.id AS conversation_id, x.updated_at AS at, x.title AS text
    FROM chat_conversation x, wanted
    WHERE {_WORDS_OF.format(column="x.title")} @@ wanted.words AND x.id IN (SELECT chat_id FROM allowed)
    UNION ALL
    SELECT 'message', x.id, x.conversation_id, x.created_at, x.text FROM chat_message x, wanted
    WHERE {_WORDS_OF.format(column="x.text")} @@ wanted.words AND x.conversation_id IN (SELECT chat_id FROM allowed)
    UNION ALL
    SELECT 'reply', x.id, x.conversation_id, x.created_at, x.text FROM chat_reply x, wanted
    WHERE {_WORDS_OF.format(column="x.text")} @@ wanted.words AND x.state IN ('done', 'cancelled', 'failed')
    AND x.conversation_id IN (SELECT chat_id FROM allowed)
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY conversation_id ORDER BY (kind = 'title') DESC, at DESC) AS place
    FROM found
), shown AS (
    SELECT * FROM placed WHERE place <= %s ORDER BY (kind = 'title') DESC, at DESC LIMIT %s
)
SELECT kind, id, conversation_id, at, text FROM shown ORDER BY (kind = 'title') DESC, at DESC
"""  # noqa: S608  # made of constants
_HAVING = f"""
WITH wanted AS (SELECT to_tsquery('simple', %s) AS words)
SELECT x.id FROM chat_message x, wanted
WHERE x.id = ANY(%s) AND {_WORDS_OF.format(column="x.text")} @@ wanted.words
UNION ALL SELECT x.id FROM chat_reply x, wanted
WHERE x.id = ANY(%s) AND {_WORDS_OF.format(column="x.text")} @@ wanted.words
"""  # noqa: S608  # made of constants


def find(query: Query, allowed: QuerySet[Conversation], *, per_chat: int, limit: int) -> list[Found]:
    """The rows that hold every phrase, of the allowed conversations."""
    words = " & ".join(filter(None, map(_match, query.phrases)))
    allowed_sql, allowed_params = allowed.order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_FIND.format(allowed=allowed_sql), [words, *allowed_params, per_chat, limit])
        return [
            Found(
                kind=kind,
                object_id=UUID(str(object_id)),
                conversation_id=UUID(str(conversation_id)),
                at=at,
                marked=_snippet(text, query),
            )
            for kind, object_id, conversation_id, at, text in cursor.fetchall()
        ]


def having_words(query: Query, texts: Collection[UUID]) -> set[UUID]:
    """Those of these messages and replies that hold every phrase."""
    words = " & ".join(filter(None, map(_match, query.phrases)))
    with connection.cursor() as cursor:
        cursor.execute(_HAVING, [words, list(texts), list(texts)])
        return {UUID(str(object_id)) for (object_id,) in cursor.fetchall()}


def _snippet(text: str, query: Query) -> str:
    """The text around the first match. PostgreSQL's own headlines leave out what looks like a tag."""
    looked_for = re.compile("|".join(filter(None, map(_pattern, query.phrases))), re.IGNORECASE)
    first = looked_for.search(text)
    start = text.rfind(" ", 0, max(0, first.start() - _CHARS_BEFORE)) + 1 if first else 0
    end = text.find(" ", (first.end() if first else 0) + _CHARS_AFTER)
    end = len(text) if end < 0 else end
    marked = looked_for.sub(lambda match: f"{HIT_BEGINS}{match[0]}{HIT_ENDS}", text[start:end])
    return ("…" if start else "") + marked + ("…" if end < len(text) else "")


def _pattern(phrase: Phrase) -> str:
    words = [re.escape(word) for word in _WORD.findall(phrase.text)]
    if not words:
        return ""
    return r"(?<![^\W_])" + r"[\W_]+".join(words) + (r"(?![^\W_])" if phrase.is_exact else r"[^\W_]*")


def _match(phrase: Phrase) -> str:
    """Letters and digits in quotes: nothing that has a meaning for to_tsquery is left."""
    words = [f"'{word}'" for word in _WORD.findall(phrase.text)]
    if not words:
        return ""
    ending = "" if phrase.is_exact else ":*"
    return "(" + " <-> ".join(words) + ending + ")"
