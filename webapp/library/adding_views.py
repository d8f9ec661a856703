"""What people do with their own documents: add, rename, delete; and how far the reading has come."""

from contextlib import suppress
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.accounts.models import User
from webapp.accounts.services.guests import ensure_guest
from webapp.library import listing
from webapp.library.errors import BadUpload, DocumentNotFound, NotAdded
from webapp.library.models import Document
from webapp.library.reading.kinds import MAX_FILE_BYTES
from webapp.library.services.adding import add_file, add_text
from webapp.library.services.documents import delete_document, own_document, rename_document
from webapp.library.titles import title_of
from webapp.library.wording import reason

MAX_ASKED = 50


@require_POST
def add(request: PersonRequest) -> HttpResponse:
    """A file, or a text that was pasted. A script gets JSON: the document, or why it is not taken in."""
    is_script = request.headers.get("Accept") == "application/json"
    try:
        document = _added(request, request.person or ensure_guest(request.session))
    except NotAdded as error:
        refusal = reason(error.reason)
        if is_script:
            return JsonResponse({"reason": refusal}, status=422)
        messages.error(request, refusal)
        return redirect("library:list")
    if is_script:
        return JsonResponse(listing.listed(document).to_wire(), status=201)
    messages.success(request, _("“%(title)s” was added.") % {"title": document.title})
    return redirect("library:list")


@require_GET
def states(request: PersonRequest) -> JsonResponse:
    """How far each `id` has come. What is absent is not there."""
    ids: list[UUID] = []
    for value in request.GET.getlist("id")[:MAX_ASKED]:
        with suppress(ValueError):
            ids.append(UUID(value))
    found = listing.known(request.person.pk, ids) if request.person else {}
    return JsonResponse({str(asked): listed.to_wire() for asked, listed in found.items()})


@require_GET
def row(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Its line in the list, as a fragment."""
    found = listing.known(request.person.pk, [document_id]) if request.person else {}
    if document_id not in found:
        raise Http404
    shown = found[document_id]
    return render(request, "library/_row.html", {"document": shown, "is_double": shown.id != document_id})


@require_POST
def rename(request: PersonRequest, document_id: UUID) -> HttpResponse:
    rename_document(_own(request, document_id), title_of(request.POST.get("title", "")))
    return redirect("library:list")


@require_POST
def delete(request: PersonRequest, document_id: UUID) -> HttpResponse:
    delete_document(_own(request, document_id))
    messages.success(request, _("The document was deleted."))
    return redirect("library:list")


def _own(request: PersonRequest, document_id: UUID) -> Document:
    try:
        return own_document(request.person.pk if request.person else None, document_id)
    except DocumentNotFound:
        raise Http404 from None


def _added(request: PersonRequest, person: User) -> Document:
    file = request.FILES.get("file")
    if file is None:
        return add_text(person, request.POST.get("title", ""), request.POST.get("text", ""))
    if (file.size or 0) > MAX_FILE_BYTES:
        raise BadUpload("too_large")
    return add_file(person, file.name or "", file.read())
