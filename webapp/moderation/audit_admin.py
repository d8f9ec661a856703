"""The record of the staff's acts, to look at and to verify. Nobody edits it, not even a superuser."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from webapp.accounts.models import User
from webapp.moderation.models import AuditEntry
from webapp.moderation.readonly import ReadOnlyAdmin
from webapp.moderation.services import audit


def add_chain_state(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """For the first page of the administration: what the last check of the chain found, if it is this person's job."""
    if request.user.has_perm("moderation.view_auditentry"):
        context |= {"watches_the_chain": True, "verified": audit.last_verified()}
    return context


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor_shown", "action", "subject_type", "subject_ref", "reason")
    list_display_links = ("at",)
    list_filter = ("action", "subject_type", ("actor", admin.RelatedOnlyFieldListFilter), "at")
    list_select_related = ("actor",)
    list_before_template = "moderation/chain.html"
    search_fields = ("subject_ref__startswith", "actor_ref__startswith")
    search_help_text = "Beginning of the id of what it was done to, or of who did it"
    date_hierarchy = "at"
    ordering = ("-pk",)
    fields = (
        *("at", "actor_shown", "actor_ref", "action", "subject_type", "subject_ref", "reason", "details"),
        *("previous_digest", "digest"),
    )
    readonly_fields = ("actor_shown",)

    class Media:
        css = {"all": ("moderation/moderation.css",)}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [path("verify/", view(self.verify_view), name="moderation_auditentry_verify"), *super().get_urls()]

    @display(description=gettext_lazy("who"), ordering="actor")
    def actor_shown(self, entry: AuditEntry) -> str:
        if entry.actor is not None:
            return entry.actor.display_name
        return f"gone ({entry.actor_ref[:8]})" if entry.actor_ref else "Cria"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"verified": audit.last_verified(), **(extra_context or {})})

    def verify_view(self, request: HttpRequest) -> HttpResponse:
        """Check the whole chain now. Whoever checks is on record too."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            assert isinstance(request.user, User)
            found = audit.verify(request.user).details
            if found["holds"]:
                held = ngettext("The chain holds: %(num)d entry.", "The chain holds: %(num)d entries.", found["num"])
                messages.success(request, held % {"num": found["num"]})
            else:
                messages.error(request, _("The chain is broken at entry %(broken)d.") % {"broken": found["broken"]})
        return redirect("admin:moderation_auditentry_changelist")
