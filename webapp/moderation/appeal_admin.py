"""Appeals and suspensions in the administration. An appeal against a withheld turn is answered by deciding its case."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from webapp.accounts.models import User
from webapp.moderation.case_forms import errors_of
from webapp.moderation.models import Appeal, Suspension
from webapp.moderation.readonly import ReadOnlyAdmin, page_link
from webapp.moderation.services import appeals, audit
from webapp.moderation.services.appeals import CannotAnswer

STATE_COLOURS = {
    Appeal.State.PENDING.label: "info",
    Appeal.State.GRANTED.label: "success",
    Appeal.State.DENIED.label: "warning",
}


class AnswerForm(forms.Form):
    granted = forms.TypedChoiceField(choices=[("yes", "yes"), ("no", "no")], coerce=lambda value: value == "yes")
    text = forms.CharField(
        label=gettext_lazy("What the person is told besides"),
        max_length=800,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


@admin.register(Appeal)
class AppealAdmin(ReadOnlyAdmin):
    """What people say is not in the list: it is opened, on record, by whoever decides."""

    list_display = ("created_at", "state_shown", "about", "person", "decided_at", "decided_by")
    list_display_links = ("created_at",)
    list_filter = ("state", "created_at")
    list_select_related = ("person", "decided_by", "case", "suspension")
    search_fields = ("id__startswith", "case__id__startswith")
    search_help_text = "Beginning of the appeal's or its case's id"
    ordering = ("-created_at",)

    class Media:
        css = {"all": ("moderation/moderation.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appeal]:
        return super().get_queryset(request).defer("text")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        ours = [
            path("<uuid:appeal_id>/read/", view(self.read_view), name="moderation_appeal_read"),
            path("<uuid:appeal_id>/answer/", view(self.answer_view), name="moderation_appeal_answer"),
        ]
        return [*ours, *super().get_urls()]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and request.user.has_perm("moderation.decide_appeal")

    @display(description=gettext_lazy("state"), ordering="state", label=STATE_COLOURS)
    def state_shown(self, appeal: Appeal) -> str:
        return appeal.get_state_display()

    @display(description=gettext_lazy("about"))
    def about(self, appeal: Appeal) -> SafeString | str:
        return page_link("moderation_case", appeal.case_id) if appeal.case_id else _("suspension")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The appeal without a word of the person's; an appeal about a turn leads to its case."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        appeal = self.get_object(request, object_id)
        if appeal is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if appeal.case_id:
            return redirect("admin:moderation_case_change", appeal.case_id)
        return self._page(request, appeal)

    def read_view(self, request: HttpRequest, appeal_id: UUID) -> HttpResponse:
        """The same page with what the person says, once, on record."""
        staff = self._decider(request)
        appeal = get_object_or_404(Appeal, pk=appeal_id, case=None)
        if request.method != "POST":
            return redirect("admin:moderation_appeal_change", appeal.pk)
        if appeal.person_id == staff.pk:
            messages.error(request, _("This is about you. A colleague decides it."))
            return redirect("admin:moderation_appeal_change", appeal.pk)
        audit.record(staff, "read_appeal", subject_type="appeal", subject_ref=appeal.pk)
        return self._page(request, appeal, text=appeal.text or _("They say nothing."), form=AnswerForm())

    def answer_view(self, request: HttpRequest, appeal_id: UUID) -> HttpResponse:
        staff = self._decider(request)
        form = AnswerForm(request.POST)
        if request.method != "POST" or not form.is_valid():
            messages.error(request, _("Please look at what you filled in: %(errors)s") % {"errors": errors_of(form)})
            return redirect("admin:moderation_appeal_change", appeal_id)
        try:
            appeals.answer(appeal_id, by=staff, granted=form.cleaned_data["granted"], text=form.cleaned_data["text"])
            messages.success(request, _("Answered. The person is told."))
        except CannotAnswer as refusal:
            messages.error(request, str(refusal))
        return redirect("admin:moderation_appeal_change", appeal_id)

    def _decider(self, request: HttpRequest) -> User:
        if not self.has_decide_permission(request):
            raise PermissionDenied
        assert isinstance(request.user, User)
        return request.user

    def _page(
        self, request: HttpRequest, appeal: Appeal, *, text: str = "", form: AnswerForm | None = None
    ) -> HttpResponse:
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": _("Appeal against a suspension"),
            "appeal": appeal,
            "text": text,
            "form": form,
            "may_decide": self.has_decide_permission(request) and appeal.state == Appeal.State.PENDING,
        }
        return TemplateResponse(request, "moderation/appeal.html", context)


class RunningFilter(admin.SimpleListFilter):
    title = gettext_lazy("running")
    parameter_name = "running"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return [("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Suspension]) -> QuerySet[Suspension]:
        match self.value():
            case "yes":
                return queryset & Suspension.objects.running()
            case "no":
                return queryset & Suspension.objects.over()
        return queryset


@admin.register(Suspension)
class SuspensionAdmin(ReadOnlyAdmin):
    """Suspending and lifting are done on the page of the person."""

    list_display = ("created_at", "person_link", "until", "reason", "by", "lifted_at", "lifted_by")
    list_display_links = ("created_at",)
    list_filter = (RunningFilter, "created_at")
    list_select_related = ("person", "by", "lifted_by")
    search_fields = ("person__id__startswith", "person__username", "person__email")
    search_help_text = "Beginning of the person's id, username, address"
    ordering = ("-created_at",)
    fields = (
        *("person_link", "case", "reason", "by", "created_at", "until"),
        *("lifted_at", "lifted_by", "lift_reason"),
    )
    readonly_fields = ("person_link",)

    @display(description=gettext_lazy("person"), ordering="person")
    def person_link(self, suspension: Suspension) -> SafeString:
        return page_link("accounts_user", suspension.person_id)
