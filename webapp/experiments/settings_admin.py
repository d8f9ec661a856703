"""Settings of answers in the administration: written down, read by a colleague, put into production and back."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from unfold.decorators import display

from webapp.experiments import settings_pages
from webapp.experiments.errors import CannotChange
from webapp.experiments.models import SettingsApproval, SettingsVersion
from webapp.experiments.prompt_forms import ApprovalForm
from webapp.experiments.results_admin import ROLLS_BACK, staff_of
from webapp.experiments.services import approvals, labels, production, settings_versions
from webapp.experiments.settings_forms import ReasonForm, SettingsForm
from webapp.moderation.readonly import ReadOnlyAdmin

APPROVAL_COLOURS = {"approved": "success", "rejected": "danger", "waiting": "warning"}
ADDS, PUTS = "experiments.add_settingsversion", "experiments.put_settingsversion"
LIST, PAGE = "admin:experiments_settingsversion_changelist", "admin:experiments_settingsversion_change"


@admin.register(SettingsVersion)
class SettingsVersionAdmin(ReadOnlyAdmin):
    """A version is written once. Other settings are a new version, so what was said can always be read."""

    list_display = ("number_shown", "says", "note", "author", "approval_shown", "created_at")
    list_display_links = ("number_shown",)
    list_select_related = ("author", "starters")
    list_before_template = "experiments/settings_in_force.html"
    search_fields = ("note",)
    ordering = ("-number",)

    class Media:
        css = {
            "all": (
                *("moderation/moderation.css", "experiments/prompts.css", "experiments/experiments.css"),
                "experiments/plots.css",
            )
        }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("rollback/", view(self.rollback_view), name="experiments_settingsversion_rollback"),
            path("<int:version_id>/judge/", view(self.judge_view), name="experiments_settingsversion_judge"),
            path("<int:version_id>/put/", view(self.put_view), name="experiments_settingsversion_put"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SettingsVersion]:
        last = SettingsApproval.objects.filter(version=OuterRef("pk")).order_by("-created_at", "-pk")
        versions: QuerySet[SettingsVersion] = super().get_queryset(request)
        return versions.annotate(last_approval=Subquery(last.values("is_approved")[:1]))

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm(ADDS)

    @display(description="settings", ordering="number")
    def number_shown(self, version: SettingsVersion) -> str:
        return str(version)

    @display(description="say")
    def says(self, version: SettingsVersion) -> str:
        return settings_pages.said(version)

    @display(description="approval", label=APPROVAL_COLOURS)
    def approval_shown(self, version: SettingsVersion) -> str:
        return settings_pages.APPROVAL_NAMES[getattr(version, "last_approval", None)]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, and above it what is in force."""
        context = {
            **settings_pages.in_force(),
            "may_add": self.has_add_permission(request),
            "may_roll_back": request.user.has_perm(PUTS) or request.user.has_perm(ROLLS_BACK),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A new version, beginning with what is in force."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = SettingsForm(request.POST or None, initial=dict(production.in_force()))
        if form.is_valid():
            values = dict(form.cleaned_data)
            try:
                made = settings_versions.create(values, note=values.pop("note"), author=staff_of(request))
            except settings_versions.DuplicateSettings as error:
                messages.info(request, _("There is a version that says exactly this: this one."))
                return redirect(PAGE, error.version.pk)
            messages.success(request, _("Saved. Nobody is served with it yet."))
            return redirect(PAGE, made.pk)
        return self._page(request, "experiments/settings_form.html", _("New settings"), form=form)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What the version says, against what is in force, and what became of it."""
        version = self.get_object(request, object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        if version is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self._version_page(request, version)

    def judge_view(self, request: HttpRequest, version_id: int) -> HttpResponse:
        """Approve or reject."""
        if not request.user.has_perm(settings_versions.APPROVES):
            raise PermissionDenied
        version = get_object_or_404(SettingsVersion, pk=version_id)
        if request.method != "POST":
            return redirect(PAGE, version.pk)
        form = ApprovalForm(request.POST)
        if not form.is_valid():
            return self._version_page(request, version, approval=form)
        judge = settings_versions.approve if form.cleaned_data["answer"] == "approve" else settings_versions.reject
        try:
            judge(version, by=staff_of(request), note=form.cleaned_data["note"])
        except approvals.OwnWork:
            messages.error(request, _("You wrote these settings. A colleague approves them."))
        return redirect(PAGE, version.pk)

    def put_view(self, request: HttpRequest, version_id: int) -> HttpResponse:
        """Everybody is served with them."""
        if not request.user.has_perm(PUTS):
            raise PermissionDenied
        version = get_object_or_404(SettingsVersion, pk=version_id)
        if request.method != "POST":
            return redirect(PAGE, version.pk)
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return self._version_page(request, version, put=form)
        try:
            production.put(version, by=staff_of(request), **form.cleaned_data)
            messages.success(request, _("In production. Everybody gets it with their next message."))
        except labels.NotApproved:
            messages.error(request, _("They have to be approved before they go into production."))
        except labels.ChangedMeanwhile:
            messages.error(request, _("Production has changed meanwhile. Please look again."))
        except CannotChange as error:
            messages.error(request, str(error))
        return redirect(PAGE, version.pk)

    def rollback_view(self, request: HttpRequest) -> HttpResponse:
        """What is in force goes back one step."""
        if not (request.user.has_perm(PUTS) or request.user.has_perm(ROLLS_BACK)):
            raise PermissionDenied
        form = ReasonForm(request.POST)
        if request.method == "POST" and form.is_valid():
            try:
                production.roll_back(by=staff_of(request), **form.cleaned_data)
                messages.success(request, _("What was in force before is so again."))
            except labels.ChangedMeanwhile:
                messages.error(request, _("Production has changed meanwhile. Please look again."))
            except labels.NothingBefore:
                messages.error(request, _("There is nothing to go back to."))
        elif request.method == "POST":
            messages.error(request, _("Please say why."))
        return redirect(LIST)

    def _version_page(
        self,
        request: HttpRequest,
        version: SettingsVersion,
        *,
        approval: ApprovalForm | None = None,
        put: ReasonForm | None = None,
    ) -> HttpResponse:
        staff = staff_of(request)
        may_judge = staff.has_perm(settings_versions.APPROVES)
        is_own = approvals.is_own(version, staff)
        waits = is_own and approvals.has_colleague(staff, settings_versions.APPROVES)
        context = {
            **settings_pages.version_page(version),
            "approval_form": approval or ApprovalForm(),
            "put_form": put or ReasonForm(initial={"seen": production.last_change()}),
            "is_own": is_own,
            "may_reject": may_judge,
            "may_approve": may_judge and not waits,
            "waits_for_colleague": waits,
            "may_put": staff.has_perm(PUTS),
        }
        return self._page(request, "experiments/settings_version.html", str(version), **context)

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "title": title}
        return TemplateResponse(request, template, {**common, **context})
