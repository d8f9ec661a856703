"""A source of an answer, for the panel beside it."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.accounts.middleware import PersonRequest
from webapp.chat.errors import NotFound
from webapp.chat.services.conversations import reply_for
from webapp.chat.services.sources import source_of


@require_safe
def source(request: PersonRequest, reply_id: UUID) -> HttpResponse:
    """Source `number`, with the places marked that support the sentence `sentence`."""
    try:
        reply = reply_for(request.person, reply_id)
        found = source_of(reply, number=_number(request, "number") or 1, sentence=_number(request, "sentence"))
    except NotFound:
        raise Http404 from None
    response = render(request, "chat/_source_panel.html", {"source": found})
    response["Cache-Control"] = "private, no-store"
    return response


def _number(request: PersonRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else None
