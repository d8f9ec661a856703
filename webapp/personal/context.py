"""What every page shows of a person's preferences."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from webapp.personal.services.preferences import preferences_of


def appearance(request: HttpRequest) -> dict[str, Any]:
    return {"preferences": SimpleLazyObject(lambda: preferences_of(getattr(request, "person", None)))}
