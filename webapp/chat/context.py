"""What every page of the shell needs."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from webapp import wiring
from webapp.chat.services.conversations import grouped_by_age
from webapp.moderation.services.outcomes import num_unseen


def shell(request: HttpRequest) -> dict[str, Any]:
    """Lazily, so that a page without the sidebar costs no query."""
    person = getattr(request, "person", None)
    return {
        "person": person,
        "conversation_groups": SimpleLazyObject(lambda: grouped_by_age(person)),
        "model_card": SimpleLazyObject(wiring.model_card),
        "num_unseen": SimpleLazyObject(lambda: num_unseen(person) if person else 0),
    }
