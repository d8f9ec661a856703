"""Prompts in the administration: written from another one, read by a colleague, put into production and back."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from unfold.decorators import display

from assistant.prompt_text import SYSTEM_PROMPT, VARIABLES, content_hash
from webapp.accounts.models import User
from webapp.experiments import prompt_pages
from webapp.experiments.models import Arm, Experiment, PromptApproval, PromptVersion
from webapp.experiments.prompt_forms import ApprovalForm, LabelForm, PromptForm, RollbackForm
from webapp.experiments.results_admin import ROLLS_BACK
from webapp.experiments.services import approvals, labels, prompts, rejecting
from webapp.moderation.readonly import ReadOnlyAdmin

APPROVAL_COLOURS = {"approved": "success", "rejected": "danger", "waiting": "warning"}
PAGE = "admin:experiments_promptversion_change"


@admin.register(PromptVersion)
class PromptVersionAdmin(ReadOnlyAdmin):
    """A version is written once. Changing a prompt means a new version, so what was said can always be read."""

    list_display = (
        *("number_shown", "content_hash", "note", "author", "labels_shown", "approval_shown", "used_in"),
        "created_at",
    )
    list_display_links = ("number_shown",)
    list_filter = ("created_at",)
    list_select_related = ("author",)
    list_before_template = "experiments/production.html"
    search_fields = ("note", "content_hash__startswith")
    ordering = ("-number",)

    class Media:
        css = {"all": ("moderation/moderation.css", "experiments/prompts.css")}
        js = ("experiments/prompts.js",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("rollback/", view(self.rollback_view), name="experiments_promptversion_rollback"),
            path("<int:version_id>/judge/", view(self.judge_view), name="experiments_promptversion_judge"),
            path("<int:version_id>/label/", view(self.label_view), name="experiments_promptversion_label"),
            path("<int:version_id>/unlabel/", view(self.unlabel_view), name="experiments_promptversion_unlabel"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromptVersion]:
        arms = Arm.objects.filter(prompt=OuterRef("pk"), experiment__state=Experiment.State.RUNNING).order_by()
        num = arms.values("prompt").annotate(num=Count("experiment", distinct=True)).values("num")
        last = PromptApproval.objects.filter(version=OuterRef("pk")).order_by("-created_at", "-pk")
        versions: QuerySet[PromptVersion] = super().get_queryset(request)
        return versions.annotate(
            num_running=Coalesce(Subquery(num), 0), last_approval=Subquery(last.values("is_approved")[:1])
        ).prefetch_related("labels")

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm("experiments.add_promptversion")

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(prompts.APPROVES)

    def has_label_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("experiments.label_promptversion")

    def has_rollback_permission(self, request: HttpRequest) -> bool:
        """Whoever watches over the place may put back what was there before, and nothing else in its place."""
        return self.has_label_permission(request) or request.user.has_perm(ROLLS_BACK)

    @display(description="prompt", ordering="number")
    def number_shown(self, version: PromptVersion) -> str:
        return str(version)

    @display(description="labels", label=True)
    def labels_shown(self, version: PromptVersion) -> list[str]:
        return [label.name for label in version.labels.all()]

    @display(description="approval", label=APPROVAL_COLOURS)
    def approval_shown(self, version: PromptVersion) -> str:
        return prompt_pages.APPROVAL_NAMES[getattr(version, "last_approval", None)]

    @display(description="running experiments", ordering="num_running")
    def used_in(self, version: PromptVersion) -> int:
        return getattr(version, "num_running", 0)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, and above it what is in production."""
        context = {
            **prompt_pages.production(),
            "may_roll_back": self.has_rollback_permission(request),
            "may_add": self.has_add_permission(request),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A new version, beginning with what is in production, or with the version named by `from`."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        base = prompt_pages.version_named(request.GET.get("from", ""), default=labels.production())
        initial = {"text": base.text if base else SYSTEM_PROMPT, "based_on": base}
        form = PromptForm(request.POST or None, initial=initial)
        if form.is_valid():
            try:
                made = prompts.create(author=_staff(request), **form.cleaned_data)
            except prompts.DuplicatePrompt as error:
                messages.info(request, _("There is a version with exactly this text: this one."))
                return redirect(PAGE, error.version.pk)
            messages.success(request, _("Saved. Nothing uses it yet."))
            return redirect(PAGE, made.pk)
        context = {"form": form, "base": base, "variables": VARIABLES}
        return self._page(request, "experiments/prompt_form.html", _("New prompt"), **context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What the version says, what became of it, and how it differs from another one."""
        version = self.get_object(request, object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        if version is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self._version_page(request, version)

    def judge_view(self, request: HttpRequest, version_id: int) -> HttpResponse:
        """Approve or reject."""
        if not self.has_approve_permission(request):
            raise PermissionDenied
        version = get_object_or_404(PromptVersion, pk=version_id)
        if request.method != "POST":
            return redirect(PAGE, version.pk)
        form = ApprovalForm(request.POST)
        if not form.is_valid():
            return self._version_page(request, version, approval=form)
        try:
            self._judge(request, version, form)
        except approvals.OwnWork:
            messages.error(request, _("You wrote this prompt. A colleague approves it."))
        return redirect(PAGE, version.pk)

    def _judge(self, request: HttpRequest, version: PromptVersion, form: ApprovalForm) -> None:
        staff, note = _staff(request), form.cleaned_data["note"]
        if form.cleaned_data["answer"] == "approve":
            prompts.approve(version, by=staff, note=note)
        elif paused := rejecting.reject(version, by=staff, note=note):
            names = ", ".join(experiment.name for experiment in paused)
            messages.warning(request, _("Paused, as they ran with it: %(experiments)s.") % {"experiments": names})

    def label_view(self, request: HttpRequest, version_id: int) -> HttpResponse:
        if not self.has_label_permission(request):
            raise PermissionDenied
        version = get_object_or_404(PromptVersion, pk=version_id)
        if request.method != "POST":
            return redirect(PAGE, version.pk)
        form = LabelForm(request.POST)
        if not form.is_valid():
            return self._version_page(request, version, label=form)
        try:
            reason = form.cleaned_data["reason"]
            labels.put(form.cleaned_data["name"], version, by=_staff(request), reason=reason)
        except labels.NotApproved:
            messages.error(request, _("It has to be approved before it goes into production."))
        return redirect(PAGE, version.pk)

    def unlabel_view(self, request: HttpRequest, version_id: int) -> HttpResponse:
        if not self.has_label_permission(request):
            raise PermissionDenied
        version = get_object_or_404(PromptVersion, pk=version_id)
        name = request.POST.get("name", "")
        if request.method == "POST" and version.labels.filter(name=name).exists():
            labels.take_away(name, by=_staff(request), reason=_("Taken away on the page of the prompt"))
        return redirect(PAGE, version.pk)

    def rollback_view(self, request: HttpRequest) -> HttpResponse:
        """Production goes back one step."""
        if not self.has_rollback_permission(request):
            raise PermissionDenied
        form = RollbackForm(request.POST)
        if request.method == "POST" and form.is_valid():
            try:
                target = labels.rollback(by=_staff(request), **form.cleaned_data)
                messages.success(request, _("In production again: %(prompt)s.") % {"prompt": target or _("Built-in")})
            except labels.ChangedMeanwhile:
                messages.error(request, _("Production has changed meanwhile. Please look again."))
            except labels.NothingBefore:
                messages.error(request, _("There is nothing to go back to."))
        elif request.method == "POST":
            messages.error(request, _("Please say why."))
        return redirect("admin:experiments_promptversion_changelist")

    def _version_page(
        self,
        request: HttpRequest,
        version: PromptVersion,
        *,
        approval: ApprovalForm | None = None,
        label: LabelForm | None = None,
    ) -> HttpResponse:
        staff = _staff(request)
        is_own = approvals.is_own(version, staff)
        waits = is_own and approvals.has_colleague(staff, prompts.APPROVES)
        context = {
            **prompt_pages.version_page(version, against=request.GET.get("against", "")),
            "approval_form": approval or ApprovalForm(),
            "label_form": label or LabelForm(initial={"name": "candidate"}),
            "may_add": self.has_add_permission(request),
            "may_approve": self.has_approve_permission(request) and not waits,
            "waits_for_colleague": waits,
            "is_own": is_own,
            "may_reject": self.has_approve_permission(request),
            "may_label": self.has_label_permission(request),
            "built_in_hash": content_hash(SYSTEM_PROMPT),
        }
        return self._page(request, "experiments/prompt.html", str(version), **context)

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "title": title}
        return TemplateResponse(request, template, {**common, **context})


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
