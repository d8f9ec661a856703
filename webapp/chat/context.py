"""What every page of the shell needs."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from webapp import wiring
from webapp.chat.sidebar import sidebar_of
from webapp.experiments.services import serving
from webapp.moderation.services.outcomes import num_unseen


def shell(request: HttpRequest) -> dict[str, Any]:
    """Lazily, so that a page without the sidebar costs no query."""
    person = getattr(request, "person", None)
    return {
        "person": person,
        "sidebar": SimpleLazyObject(lambda: sidebar_of(person, shown=_shown(request))),
        "model_card": SimpleLazyObject(lambda: wiring.model_card(serving.for_page(person).endpoint)),
        "num_unseen": SimpleLazyObject(lambda: num_unseen(person) if person else 0),
    }


def _shown(request: HttpRequest) -> int:
    """How far the list was unfolded."""
    asked = request.GET.get("shown", "")
    return int(asked) if asked.isdecimal() and len(asked) < 6 else 0
