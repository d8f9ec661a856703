"""The list of chats in the sidebar: pinned ones, folders, then by age. Read in four queries, however many there are."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Folder, Reply

PAGE = 60
MAX_SHOWN = 3000
MAX_PINNED = 60
SHOWN_IN_FOLDER = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Chats under one heading. `num_chats` counts those of a folder that are not shown too."""

    label: str
    conversations: list[Conversation]
    folder: Folder | None = None
    num_chats: int = 0

    @property
    def has_more(self) -> bool:
        return self.num_chats > len(self.conversations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidebar:
    """`next_shown` is how many chats outside folders to ask for to see more; None if all are there."""

    groups: list[Group]
    shown: int
    next_shown: int | None


def sidebar_of(person: User | None, *, shown: int = PAGE) -> Sidebar:
    """What this person's sidebar lists, with `shown` chats outside folders at most; empty groups are left out."""
    shown = min(max(shown, PAGE), MAX_SHOWN)
    if person is None:
        return Sidebar(groups=[], shown=shown, next_shown=None)
    listed = with_signs(Conversation.objects.of(person).kept().filter(archived_at=None))
    pinned = list(listed.filter(pinned=True).order_by("-updated_at")[:MAX_PINNED])
    recent = list(listed.filter(pinned=False, folder=None).order_by("-updated_at")[: shown + 1])
    groups = [Group(label=_("Pinned"), conversations=pinned)] if pinned else []
    groups += _folders(person, listed)
    groups += _by_age(recent[:shown])
    return Sidebar(groups=groups, shown=shown, next_shown=shown + PAGE if len(recent) > shown else None)


def with_signs(rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """Each with `is_live`, an answer is being written, and `is_unread`, one ended since its owner looked."""
    replies = Reply.objects.filter(conversation=OuterRef("pk"))
    return rows.annotate(
        is_live=Exists(replies.active()),
        is_unread=Exists(replies.filter(finished_at__gt=OuterRef("seen_at"))),
    )


def _folders(person: User, listed: QuerySet[Conversation]) -> Iterable[Group]:
    in_sight = Q(conversations__archived_at=None, conversations__is_temporary=False, conversations__pinned=False)
    folders = Folder.objects.filter(owner=person).annotate(num_chats=Count("conversations", filter=in_sight))
    place = Window(RowNumber(), partition_by="folder_id", order_by=F("updated_at").desc())
    rows = listed.filter(pinned=False, folder__isnull=False).annotate(place=place).filter(place__lte=SHOWN_IN_FOLDER)
    inside: dict[object, list[Conversation]] = {}
    for conversation in rows.order_by("-updated_at"):
        inside.setdefault(conversation.folder_id, []).append(conversation)
    for folder in folders.order_by("name"):
        yield Group(
            label=folder.name, folder=folder, conversations=inside.get(folder.pk, []), num_chats=folder.num_chats
        )


def _by_age(conversations: Iterable[Conversation]) -> list[Group]:
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    headings = [
        (_("Today"), today),
        (_("Yesterday"), today - timedelta(days=1)),
        (_("Previous 7 days"), today - timedelta(days=7)),
    ]
    groups: dict[str, list[Conversation]] = {}
    for conversation in conversations:
        label = next((name for name, since in headings if conversation.updated_at >= since), _("Older"))
        groups.setdefault(label, []).append(conversation)
    return [Group(label=label, conversations=rows) for label, rows in groups.items()]
