"""The library's pages: one's own documents beside those that come with Cria, and a document."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.accounts.middleware import PersonRequest
from webapp.library.errors import DocumentNotFound
from webapp.library.listing import own_documents
from webapp.library.models import Document
from webapp.library.pages import part_of
from webapp.library.reading.kinds import ACCEPTED
from webapp.library.services.adding import MAX_PASTED_CHARS
from webapp.library.services.documents import document_for
from webapp.library.services.finding import find
from webapp.library.services.room import room_of
from webapp.library.wording import reason


@require_safe
def library(request: PersonRequest) -> HttpResponse:
    """With `q`, where one's own documents have these words; htmx takes that part alone."""
    query = request.GET.get("q", "").replace("\0", "").strip()[:200]
    person = request.person
    context: dict[str, Any] = {
        "query": query,
        "own": own_documents(person.pk) if person else [],
        "found": find(person.pk, query) if person and query else [],
    }
    if request.headers.get("HX-Request"):
        return render(request, "library/_own.html", context)
    context |= {
        "documents": Document.objects.samples(),
        "room": room_of(person.pk) if person else None,
        "accept": ACCEPTED,
        "max_pasted_chars": MAX_PASTED_CHARS,
    }
    return render(request, "library/list.html", context)


@require_safe
def document(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """The first part of it, the part `part`, or the one in which the passage `at` begins."""
    person = request.person
    try:
        found = document_for(person.pk if person else None, document_id)
    except DocumentNotFound:
        raise Http404 from None
    part = part_of(found, number=_number(request, "part") or 1, passage=_number(request, "at"))
    context = {"document": found, "part": part, "reason": reason(found.error) if found.error else ""}
    return render(request, "library/document.html", context)


def _number(request: PersonRequest, name: str) -> int | None:
    """The number in the address, or None: a mangled link still opens the document."""
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 8 else None
