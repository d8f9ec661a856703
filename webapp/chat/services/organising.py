"""How a person keeps chats in order: pins, folders, tags, the archive, and all of it for many chats at once."""

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.chat import temporary_keys
from webapp.chat.errors import EmptyTag, Full, NameTaken, NotFound
from webapp.chat.models import Conversation, Folder, Tag

MAX_FOLDERS = 100
MAX_TAGS = 20
MAX_CHOSEN = 200


def folder_for(person: User | None, folder_id: UUID) -> Folder:
    """The folder, if it is this person's. Raises NotFound if it is absent or somebody else's, alike."""
    folder = Folder.objects.filter(pk=folder_id, owner=person).first() if person else None
    if folder is None:
        raise NotFound
    return folder


def chosen(person: User | None, ids: Collection[UUID]) -> QuerySet[Conversation]:
    """Several chats of one person. Raises NotFound if one of them is not there: then none is touched."""
    if person is None or len(ids) > MAX_CHOSEN:
        raise NotFound
    rows = Conversation.objects.of(person).kept().filter(pk__in=ids)
    if rows.count() != len(set(ids)):
        raise NotFound
    return rows


def pin(rows: QuerySet[Conversation], *, is_pinned: bool) -> None:
    rows.update(pinned=is_pinned)


def archive(rows: QuerySet[Conversation], *, is_archived: bool) -> None:
    """Take them out of the sidebar, or put them back. An archived chat is not pinned: it would be in two places."""
    if is_archived:
        rows.update(archived_at=timezone.now(), pinned=False)
    else:
        rows.update(archived_at=None)


def move(rows: QuerySet[Conversation], folder: Folder | None) -> None:
    rows.update(folder=folder)


@transaction.atomic
def tag(rows: QuerySet[Conversation], name: str) -> None:
    """Put a word on all of them. Raises EmptyTag, and Full, and tags none, if one has too many."""
    name = tidy_name(name, Tag)
    if not name:
        raise EmptyTag(_("Please write the tag first."))
    for conversation in rows.select_for_update().prefetch_related("tags"):  # the same tag may come from two tabs
        names = {each.name.lower() for each in conversation.tags.all()}
        if name.lower() in names:
            continue
        if len(names) >= MAX_TAGS:
            raise Full(_("A chat can have %(count)s tags.") % {"count": MAX_TAGS})
        conversation.tags.create(name=name)


def untag(conversation: Conversation, name: str) -> None:
    conversation.tags.filter(name=tidy_name(name, Tag)).delete()


def tag_names(person: User) -> list[str]:
    """All words this person uses, each once."""
    names = Tag.objects.filter(conversation__in=Conversation.objects.of(person).kept())
    return list(names.order_by("name").values_list("name", flat=True).distinct())


@transaction.atomic
def make_folder(person: User, name: str) -> Folder | None:
    """A folder of this name, the one there is if there is one; None for an empty name. Raises Full."""
    name = tidy_name(name, Folder)
    if not name:
        return None
    User.objects.select_for_update().get(pk=person.pk)  # a second click finds what the first one made
    existing = _folder_called(name, person.pk)
    if existing is not None:
        return existing
    folders = Folder.objects.filter(owner=person)
    if folders.count() >= MAX_FOLDERS:
        raise Full(_("You can have %(count)s folders.") % {"count": MAX_FOLDERS})
    return folders.create(owner=person, name=name)


@transaction.atomic
def rename_folder(folder: Folder, name: str) -> None:
    """Give it a name; an empty one is ignored. Raises NameTaken."""
    name = tidy_name(name, Folder)
    if not name:
        return
    User.objects.select_for_update().get(pk=folder.owner_id)
    if _folder_called(name, folder.owner_id) not in (None, folder):
        raise NameTaken(_("You have a folder of this name."))
    folder.name = name
    folder.save(update_fields=["name"])


def join(guest: User, *, into: User) -> None:
    """Two people are about to be one: of two folders with one name the member's takes in the guest's."""
    User.objects.select_for_update().get(pk=into.pk)
    for folder in Folder.objects.filter(owner=guest):
        same = _folder_called(folder.name, into.pk)
        if same is not None:
            folder.conversations.update(folder=same)
            folder.delete()


def _folder_called(name: str, owner_id: UUID) -> Folder | None:
    """Small and capital letters are alike in every script; SQLite knows that of English ones only."""
    folders = Folder.objects.filter(owner=owner_id)
    return next((folder for folder in folders if folder.name.casefold() == name.casefold()), None)


def seen(conversation: Conversation) -> None:
    """Its owner has it on the screen: what was new is not any more. Raises Ended, and TemporaryAway."""
    if conversation.is_temporary:
        temporary_keys.renew(conversation.pk)
    conversation.seen_at = timezone.now()
    conversation.save(update_fields=["seen_at"])


def mark_unread(conversation: Conversation) -> None:
    """As if its owner had not looked since its last answer."""
    Conversation.objects.filter(pk=conversation.pk).update(seen_at=F("created_at"))


def tidy_name(name: str, model: type[Folder] | type[Tag]) -> str:
    """As it is stored: in one line, and no longer than the model takes."""
    longest: int = model._meta.get_field("name").max_length  # type: ignore[assignment]  # both set it
    return " ".join(name.replace("\0", " ").split())[:longest].strip()
