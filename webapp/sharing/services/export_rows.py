"""The rows of a conversation in its order of reading, a portion at a time, as far as an export may show them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar
from uuid import UUID

from webapp.chat.models import Conversation, Message, Picture, Reply
from webapp.chat.services.attachments import titles_of
from webapp.chat.services.pictures import pictures_of
from webapp.sharing.services.outline import Part, parts_of

T = TypeVar("T")
_PORTION = 200
_NOT_EXPORTED = ("token_ids", "passages", "used", "code_reports", "notices", "timings")


@dataclass(frozen=True, slots=True)
class Row:
    """A question with the titles of its files, an answer with its picture, or the edge of a version set apart
    (`message` and `reply` are None)."""

    part: Part
    message: Message | None = None
    reply: Reply | None = None
    files: tuple[str, ...] = ()
    picture: Picture | None = None


def rows_of(conversation: Conversation) -> Iterator[Row]:
    """Without answers that are being written, nor any that have been deleted meanwhile."""
    for portion in portions(parts_of(conversation)):
        messages = Message.objects.in_bulk(_ids(portion, "question"))
        files = titles_of(conversation.owner_id, messages.values())
        replies = Reply.objects.defer(*_NOT_EXPORTED).in_bulk(_ids(portion, "answer"))
        pictures = pictures_of(replies)
        for part in portion:
            if part.kind == "question" and part.object_id in messages:
                yield Row(part, message=messages[part.object_id], files=files.get(part.object_id, ()))
            elif part.kind == "answer" and part.object_id in replies and not replies[part.object_id].is_active:
                # Not kept any longer than its row: each may be megabytes.
                yield Row(part, reply=replies[part.object_id], picture=pictures.pop(part.object_id, None))
            elif part.kind in ("open", "close"):
                yield Row(part)


def portions(of: Iterable[T]) -> Iterator[list[T]]:
    source = iter(of)
    while portion := list(islice(source, _PORTION)):
        yield portion


def _ids(portion: list[Part], kind: str) -> list[UUID]:
    return [part.object_id for part in portion if part.kind == kind]
