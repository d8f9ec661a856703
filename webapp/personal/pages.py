"""What the settings pages show, read from rows."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.chat.services.preview import PromptPart, preview_prompt
from webapp.personal.models import Memory, Preferences
from webapp.personal.services.memories import memories_of


def found_memories(person: User | None, query: str) -> QuerySet[Memory]:
    """Newest first, with where each came from."""
    found = memories_of(person).select_related("message__conversation")
    return found.filter(text__icontains=query) if query else found


def shown_prompt(person: User | None, preferences: Preferences) -> list[PromptPart]:
    """What the model would be sent for an example message, if these preferences were stored."""
    asker = person or User(is_guest=True)
    asker.preferences = preferences
    return preview_prompt(asker, _("What is a good way to start the day?"))
