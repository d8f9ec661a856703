"""Search inside words, by reading the texts: for what no index of words finds.

Thai, Chinese and Japanese put no spaces between words, so that an index takes a whole sentence for one; in Arabic the
article is written onto the word, in German one word onto another. Only one person's texts are read, the newest first.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from uuid import UUID

from django.db.models import Q, QuerySet

from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services.search_query import Phrase, Query
from webapp.chat.services.search_rows import HIT_BEGINS, HIT_ENDS, Found

MIN_LETTERS = 3
"""Fewer stand in too many words to be told apart; where there are no spaces one is a word."""
MAX_LOOKED_AT = 300
_CHARS_BEFORE, _CHARS_AFTER = 60, 120
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"
)


def comes_first(query: Query) -> bool:
    """Whether an index would miss most of what is asked for."""
    return any(map(_is_unspaced, query.phrases))


def find(query: Query, allowed: QuerySet[Conversation], *, per_chat: int, limit: int) -> list[Found]:
    """The rows in which every phrase stands somewhere; none where one is too short, or wanted as a whole word."""
    if not _may_be_found(query):
        return []
    found: list[Found] = []
    num_in: Counter[object] = Counter()
    for row in _rows(query, allowed):
        num_in[row.conversation_id] += 1
        if num_in[row.conversation_id] <= per_chat:
            found.append(row)
        if len(found) == limit:
            break
    return found


def having_words(query: Query, texts: Collection[UUID]) -> set[UUID]:
    """Those of these messages and replies in which every phrase stands somewhere; none where `find` looks for none."""
    if not _may_be_found(query):
        return set()
    within = Q(pk__in=texts) & _all("text", query)
    messages = Message.objects.filter(within).values_list("pk", flat=True)
    return {*messages, *Reply.objects.filter(within).values_list("pk", flat=True)}


def _rows(query: Query, allowed: QuerySet[Conversation]) -> Iterator[Found]:
    """Titles first, then the newest."""
    chats = allowed.filter(_all("title", query)).order_by("-updated_at")
    for pk, at, title in chats.values_list("pk", "updated_at", "title")[:MAX_LOOKED_AT]:
        yield Found(kind="title", object_id=pk, conversation_id=pk, at=at, marked=_marked(title, query))
    within = Q(conversation__in=allowed.order_by().values("pk")) & _all("text", query)
    fields = ("pk", "conversation_id", "created_at", "text")
    said = Message.objects.filter(within).order_by("-created_at").values_list(*fields)[:MAX_LOOKED_AT]
    ended = Reply.objects.filter(within, state__in=("done", "cancelled", "failed"))
    told = ended.order_by("-created_at").values_list(*fields)[:MAX_LOOKED_AT]
    rows = [("message", row) for row in said] + [("reply", row) for row in told]
    for kind, (pk, chat, at, text) in sorted(rows, key=lambda row: row[1][2], reverse=True):
        yield Found(kind=kind, object_id=pk, conversation_id=chat, at=at, marked=_marked(text, query))  # type: ignore[arg-type]  # one of the two


def _all(field: str, query: Query) -> Q:
    return Q(*(_stands_in(field, phrase.text) for phrase in query.phrases))


def _stands_in(field: str, text: str) -> Q:
    """In small or in capital letters: SQLite takes only those of ASCII for the same."""
    spellings = {text, text.lower(), text.upper()}
    return Q(*((f"{field}__icontains", each) for each in spellings), _connector=Q.OR)


def _may_be_found(query: Query) -> bool:
    return bool(query.phrases) and all(map(_may_be_inside, query.phrases))


def _may_be_inside(phrase: Phrase) -> bool:
    return _is_unspaced(phrase) or (not phrase.is_exact and sum(map(str.isalnum, phrase.text)) >= MIN_LETTERS)


def _is_unspaced(phrase: Phrase) -> bool:
    return _UNSPACED.search(phrase.text) is not None


def _marked(text: str, query: Query) -> str:
    """The text around the first match."""
    looked_for = re.compile("|".join(re.escape(phrase.text) for phrase in query.phrases), re.IGNORECASE)
    first = looked_for.search(text)
    start, end = max(0, first.start() - _CHARS_BEFORE) if first else 0, (first.end() if first else 0) + _CHARS_AFTER
    marked = looked_for.sub(lambda match: f"{HIT_BEGINS}{match[0]}{HIT_ENDS}", text[start:end])
    return ("…" if start else "") + marked + ("…" if end < len(text) else "")
