"""What a turn knows of its person: their wishes, what is remembered, and a place to remember more."""

from collections.abc import Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.utils.translation import get_language_info

from assistant.personal import Personal, Remembered
from webapp.accounts.models import User
from webapp.chat.models import Message
from webapp.personal.errors import TooManyMemories
from webapp.personal.services import memories
from webapp.personal.services.preferences import preferences_of


def personal_of(person: User, *, is_temporary: bool = False) -> Personal:
    """Of preferences what is switched on; of memories all, or none in a temporary chat."""
    preferences = preferences_of(person)
    uses_memory = preferences.uses_memory and not is_temporary and person.pk is not None
    kept = memories.memories_of(person) if uses_memory else ()
    remembered = tuple(Remembered(id=str(memory.pk), text=memory.text) for memory in kept)
    if not preferences.uses_instructions:
        return Personal(memories=remembered)
    language = preferences.answer_language
    return Personal(
        about_me=preferences.about_me,
        answer_style=preferences.answer_style,
        tone=preferences.tone,
        answer_language=get_language_info(language)["name"] if language else "",
        memories=remembered,
    )


def memories_used(used: Mapping[str, Any]) -> tuple[Remembered, ...]:
    """Those that `Reply.used` names."""
    return tuple(Remembered(**memory) for memory in used.get("memories", ()))


class MessageMemories:
    """The MemoryKeeper port for what is said in one message."""

    def __init__(self, message: Message) -> None:
        self._message = message

    async def remember(self, text: str) -> str | None:
        return await sync_to_async(self._add)(text)

    def _add(self, text: str) -> str | None:
        """A repeated attempt finds its own memory again; one that was known before is not told of.

        It is for whoever owns the message now: a guest may have logged in since it was sent, or wiped everything.
        """
        person = User.objects.filter(conversations__messages=self._message).first()
        if person is None:
            return None
        try:
            memory = memories.add(person, text, message=self._message)
        except TooManyMemories:
            return None
        return str(memory.pk) if memory.message_id == self._message.pk else None
