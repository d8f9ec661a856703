"""How much a person may keep in the library, and how much of that is used."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Count, Sum

from webapp.library.errors import LibraryFull
from webapp.library.models import Document

MAX_DOCUMENTS: Final = 200
MAX_BYTES: Final = 200 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is used, and how much there may be."""

    num_documents: int
    num_bytes: int
    max_documents: int
    max_bytes: int

    @property
    def num_documents_left(self) -> int:
        return max(0, self.max_documents - self.num_documents)

    @property
    def num_bytes_left(self) -> int:
        return max(0, self.max_bytes - self.num_bytes)


def room_of(person_id: UUID) -> Room:
    used = Document.objects.owned_by(person_id).aggregate(num=Count("pk"), total=Sum("num_bytes"))
    num_bytes = used["total"] or 0
    return Room(num_documents=used["num"], num_bytes=num_bytes, max_documents=MAX_DOCUMENTS, max_bytes=MAX_BYTES)


def check_room(person_id: UUID, *, num_documents: int = 0, num_bytes: int = 0) -> None:
    """Raises LibraryFull unless so much more fits. Whoever adds has locked the person's row."""
    room = room_of(person_id)
    if num_documents > room.num_documents_left or num_bytes > room.num_bytes_left:
        raise LibraryFull
