"""What the assistant remembers about a person. They see all of it and can change and delete each part."""

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from webapp.accounts.models import User
from webapp.chat.models import Message
from webapp.personal.errors import NoSuchMemory, TooManyMemories
from webapp.personal.models import Memory

MAX_MEMORIES = 200
MAX_CHARS = 300


def memories_of(person: User | None) -> QuerySet[Memory]:
    """Newest first; none for nobody."""
    return Memory.objects.filter(owner=person) if person else Memory.objects.none()


@transaction.atomic
def add(person: User, text: str, *, message: Message | None = None) -> Memory:
    """Remember `text`, cut to what fits; `message` is where the person said it. What is known already is not repeated.

    Raises TooManyMemories.
    """
    text = _fitting(text)
    User.objects.select_for_update().get(pk=person.pk)  # two at once would both find room, or both find nothing known
    known = Memory.objects.filter(owner=person, text__iexact=text).first()
    if known:
        return known
    if Memory.objects.filter(owner=person).count() >= MAX_MEMORIES:
        raise TooManyMemories
    source = Memory.Source.CHAT if message else Memory.Source.PERSON
    return Memory.objects.create(owner=person, text=text, source=source, message=message)


def edit(person: User | None, memory_id: UUID, text: str) -> Memory:
    """Raises NoSuchMemory."""
    memory = memory_for(person, memory_id)
    memory.text = _fitting(text)
    memory.save(update_fields=["text", "updated_at"])
    return memory


def forget(person: User | None, memory_id: UUID) -> None:
    """Raises NoSuchMemory."""
    memory_for(person, memory_id).delete()


def forget_all(person: User | None) -> int:
    """How many there were."""
    num_forgotten, _by_model = memories_of(person).delete()
    return num_forgotten


def memory_for(person: User | None, memory_id: UUID) -> Memory:
    """Raises NoSuchMemory."""
    memory = memories_of(person).filter(pk=memory_id).first()
    if memory is None:
        raise NoSuchMemory
    return memory


def _fitting(text: str) -> str:
    return " ".join(text.split())[:MAX_CHARS]
