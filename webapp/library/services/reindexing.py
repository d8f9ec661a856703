"""Index documents again, for an operator who asks."""

from collections.abc import Collection
from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from webapp import jobs
from webapp.library.models import Document


@transaction.atomic
def reindex(document_ids: Collection[UUID]) -> int:
    """Have these documents cut and embedded anew, without those that are deleted or have no text. Returns how many.

    Until that is done their present passages go on answering.
    """
    documents = Document.objects.present().filter(pk__in=document_ids).exclude(sha256="")
    found = list(documents.values_list("pk", flat=True))
    documents.update(state=Document.State.RECEIVED, error="", received_at=timezone.now(), attempted_at=None)
    for document_id in found:
        transaction.on_commit(partial(jobs.enqueue_document, document_id))
    return len(found)
