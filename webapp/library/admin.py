"""The library as the staff sees it. What belongs to a person shows its state and its numbers, not its words."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from webapp.library.models import Document, Passage
from webapp.library.services.documents import delete_document
from webapp.library.services.reindexing import reindex
from webapp.moderation.readonly import ReadOnlyAdmin, ReadOnlyInline

STATE_COLOURS = {
    Document.State.READY.label: "success",
    Document.State.RECEIVED.label: "info",
    Document.State.FAILED.label: "danger",
}
PRIVATE = "private"


class PassageWords:
    """Text and heading of a passage, where everybody may read them."""

    @display(description=gettext_lazy("heading"))
    def heading_shown(self, passage: Passage) -> str:
        return PRIVATE if passage.document.owner_id else passage.heading

    @display(description=gettext_lazy("text"))
    def text_shown(self, passage: Passage) -> str:
        return PRIVATE if passage.document.owner_id else passage.text


class PassageInline(PassageWords, ReadOnlyInline):
    model = Passage
    fields = readonly_fields = (
        *("ord", "heading_shown", "text_shown", "char_start", "char_end", "model_id", "flagged", "injection_score"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Passage]:
        return super().get_queryset(request).select_related("document").defer("vector", "document__text")


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    list_display = (
        *("__str__", "owner", "state_shown", "num_passages", "num_flagged", "mime", "received_at", "deleted_at"),
    )
    list_filter = (
        *("state", ("owner", admin.EmptyFieldListFilter), ("deleted_at", admin.EmptyFieldListFilter)),
        *("passages__flagged", "mime", "received_at"),
    )
    search_fields = ("id__startswith", "owner__email", "owner__username")
    search_help_text = "Beginning of the id, address or username of the owner"
    list_select_related = ("owner",)
    ordering = ("-received_at",)
    fields = (
        *("id", "__str__", "owner", "state_shown", "error", "num_passages", "mime"),
        *("created_at", "received_at", "attempted_at", "deleted_at"),
    )
    readonly_fields = ("__str__", "state_shown", "num_passages")
    inlines = (PassageInline,)
    actions = ("index_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        num_flagged = Count("passages", filter=Q(passages__flagged=True))
        counts = {"num_passages": Count("passages"), "num_flagged": num_flagged}
        return super().get_queryset(request).defer("text").annotate(**counts)

    @display(description=gettext_lazy("state"), ordering="state", label=STATE_COLOURS)
    def state_shown(self, document: Document) -> str:
        return document.get_state_display()

    @display(description=gettext_lazy("passages"), ordering="num_passages")
    def num_passages(self, document: Any) -> int:
        return document.num_passages

    @display(description=gettext_lazy("not quoted"), ordering="num_flagged")
    def num_flagged(self, document: Any) -> int:
        return document.num_flagged

    def has_reindex_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("library.change_document")

    @action(description="Index again", permissions=["reindex"])
    def index_again(self, request: HttpRequest, documents: QuerySet[Document]) -> None:
        num_documents = reindex(list(documents.values_list("pk", flat=True)))
        self.message_user(request, f"{num_documents} to be indexed again.", messages.SUCCESS)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_gone = isinstance(obj, Document) and obj.deleted_at is not None
        return request.user.has_perm("library.delete_document") and not is_gone

    def delete_model(self, request: HttpRequest, obj: Document) -> None:
        delete_document(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        for document in queryset.filter(deleted_at=None):
            delete_document(document)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Passages go with their document, though nobody may delete one for itself."""
        to_delete, counts, perms_needed, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, perms_needed - {Passage._meta.verbose_name}, protected


@admin.register(Passage)
class PassageAdmin(PassageWords, ReadOnlyAdmin):
    list_display = ("__str__", "document", "ord", "heading_shown", "flagged", "injection_score", "model_id")
    list_filter = ("flagged", ("document__owner", admin.EmptyFieldListFilter), "model_id")
    search_fields = ("document__id__startswith",)
    search_help_text = "Beginning of the document's id"
    list_select_related = ("document",)
    fields = (
        *("document", "ord", "heading_shown", "text_shown", "char_start", "char_end", "model_id", "text_sha"),
        *("flagged", "injection_score"),
    )
    readonly_fields = ("heading_shown", "text_shown")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Passage]:
        return super().get_queryset(request).defer("vector", "document__text")
