"""What every page of the shell needs."""

from typing import Any
from urllib.parse import urlsplit

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
        "page_path": _page_path(request),
        "sidebar": SimpleLazyObject(lambda: sidebar_of(person, shown=_shown(request))),
        "model_card": SimpleLazyObject(lambda: wiring.model_card(serving.for_page(person).endpoint)),
        "num_unseen": SimpleLazyObject(lambda: num_unseen(person) if person else 0),
    }


def _page_path(request: HttpRequest) -> str:
    """Of the page in the browser, without what its address asks for: a part of it is asked for at another one."""
    htmx = getattr(request, "htmx", None)
    return urlsplit((htmx and htmx.current_url_abs_path) or request.path).path


def _shown(request: HttpRequest) -> int:
    """How far the list was unfolded."""
    asked = request.GET.get("shown", "")
    return int(asked) if asked.isdecimal() and len(asked) < 6 else 0
