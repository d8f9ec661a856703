"""The library's pages: the list of the sample documents, and a document."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.accounts.middleware import PersonRequest
from webapp.library.errors import DocumentNotFound
from webapp.library.models import Document
from webapp.library.pages import sections_of
from webapp.library.services.documents import document_for


@require_safe
def library(request: PersonRequest) -> HttpResponse:
    return render(request, "library/list.html", {"documents": Document.objects.samples()})


@require_safe
def document(request: PersonRequest, document_id: UUID) -> HttpResponse:
    person = request.person
    try:
        found = document_for(person.pk if person else None, document_id)
    except DocumentNotFound:
        raise Http404 from None
    return render(request, "library/document.html", {"document": found, "sections": sections_of(found)})
