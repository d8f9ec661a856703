"""Search in everything a person wrote and was told: all branches of all their conversations, and the titles.

Only ended replies are found, and never a word that was withheld. How words are found is each database's own affair
(`search_sqlite`, `search_postgres`), or neither's (`search_inside`); whose they are and what they are filtered by is
decided here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from webapp.accounts.models import User
from webapp.chat.models import Conversation
from webapp.chat.services import search_inside, search_postgres, search_sqlite
from webapp.chat.services.search_query import Query, parse
from webapp.chat.services.search_rows import Found, Piece, pieces

MAX_HITS = 60
MAX_PER_CHAT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A place where the words stand, or something like them: then at these `chars` of the text.

    `snippet` is the text around the words, in pieces that are a match or not.
    """

    kind: Literal["title", "message", "reply"]
    conversation: Conversation
    object_id: UUID
    at: datetime
    snippet: tuple[Piece, ...]
    words: str = ""
    chars: tuple[int, int] | None = None

    @property
    def url(self) -> str:
        """The page that opens with the words in sight."""
        address = self.conversation.get_absolute_url()
        if self.kind == "title":
            return address
        place = {"chars": f"{self.chars[0]}-{self.chars[1]}"} if self.chars else {"q": self.words}
        return f"{address}?{urlencode({'at': self.object_id} | place)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatHits:
    """The hits in one conversation. `title` is in pieces, marked if the words stand in it."""

    conversation: Conversation
    title: tuple[Piece, ...]
    hits: tuple[Hit, ...]


def search(person: User, query: str, conversation: Conversation | None = None, limit: int = MAX_HITS) -> list[Hit]:
    """The hits in all conversations, or in this one: titles first, then the newest. Never raises for what was typed.

    In all conversations a chat gives `MAX_PER_CHAT` hits at most, so that one chat does not hide the others.
    """
    wanted = parse(query)
    allowed = allowed_for(person, wanted, conversation)
    if not wanted.phrases:
        return _listed(allowed, limit) if wanted.has_filters else []
    return _hits(_find(wanted, allowed, limit if conversation else MAX_PER_CHAT, limit), wanted.words)


def texts_with_words(wanted: Query, texts: Collection[UUID], allowed: QuerySet[Conversation]) -> set[UUID]:
    """Those of these messages and replies in which the words stand: inside others only where `search` looks there."""
    if not texts:
        return set()
    having: set[UUID] = _engine().having_words(wanted, texts)
    if search_inside.comes_first(wanted) or not (having or _engine().find(wanted, allowed, per_chat=1, limit=1)):
        having |= search_inside.having_words(wanted, texts)
    return having


def allowed_for(person: User, wanted: Query, conversation: Conversation | None) -> QuerySet[Conversation]:
    """Where this person may search: in their own conversations, those that the filters leave."""
    allowed = Conversation.objects.of(person).kept()
    if conversation is not None:
        allowed = allowed.filter(pk=conversation.pk)
    for tag in wanted.tags:
        allowed = allowed.filter(tags__name__iexact=tag)
    for folder in wanted.folders:
        allowed = allowed.filter(folder__name__icontains=folder)
    if wanted.is_pinned:
        allowed = allowed.filter(pinned=True)
    if wanted.is_archived:
        allowed = allowed.filter(archived_at__isnull=False)
    return allowed


def forget_deleted() -> None:
    """See to it that the index keeps no word of what was deleted. On PostgreSQL a vacuum takes out where it stood; the
    word itself stays until the operator has the index made anew (docs/deployment.md)."""
    if connection.vendor == "sqlite":
        search_sqlite.forget_deleted()


def by_chat(hits: Sequence[Hit]) -> list[ChatHits]:
    """The same hits, chat by chat, in the order in which the chats come up first."""
    grouped: dict[UUID, list[Hit]] = {}
    for hit in hits:
        grouped.setdefault(hit.conversation.pk, []).append(hit)
    return [_chat_hits(group) for group in grouped.values()]


def _chat_hits(group: list[Hit]) -> ChatHits:
    conversation = group[0].conversation
    in_title = next((hit for hit in group if hit.kind == "title"), None)
    return ChatHits(
        conversation=conversation,
        title=in_title.snippet if in_title else pieces(conversation.title),
        hits=tuple(hit for hit in group if hit.kind != "title"),
    )


def _find(wanted: Query, allowed: QuerySet[Conversation], per_chat: int, limit: int) -> list[Found]:
    """By the index, which knows words by their beginnings; where that finds nothing, inside words."""
    ways = (_engine().find, search_inside.find)
    for find in reversed(ways) if search_inside.comes_first(wanted) else ways:
        if found := find(wanted, allowed, per_chat=per_chat, limit=limit):
            return list(found)
    return []


def _engine() -> ModuleType:
    return search_postgres if connection.vendor == "postgresql" else search_sqlite


def _listed(allowed: QuerySet[Conversation], limit: int) -> list[Hit]:
    """The conversations themselves, where there are filters and no words."""
    return [
        Hit(
            kind="title",
            conversation=conversation,
            object_id=conversation.pk,
            at=conversation.updated_at,
            snippet=pieces(conversation.title),
            words="",
        )
        for conversation in allowed.select_related("folder").order_by("-updated_at")[:limit]
    ]


def _hits(found: Sequence[Found], words: str) -> list[Hit]:
    ids = {row.conversation_id for row in found}
    conversations = Conversation.objects.select_related("folder").in_bulk(ids)
    return [
        Hit(
            kind=row.kind,
            conversation=conversations[row.conversation_id],
            object_id=row.object_id,
            at=row.at,
            snippet=pieces(row.marked),
            words=words,
        )
        for row in found
        if row.conversation_id in conversations  # deleted a moment ago
    ]
