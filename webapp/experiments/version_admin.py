"""Versions with approval in the administration: written, read by a colleague, put into production and back."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from unfold.decorators import display

from webapp.accounts.models import User
from webapp.experiments.errors import CannotChange
from webapp.experiments.models.versions import Version
from webapp.experiments.results_admin import ROLLS_BACK, staff_of
from webapp.experiments.services import approvals, versions
from webapp.experiments.services.approvals import OwnWork
from webapp.experiments.services.stepping_back import ChangedMeanwhile, NotApproved, NothingBefore
from webapp.experiments.version_forms import ApprovalForm, ReasonForm
from webapp.moderation.readonly import ReadOnlyAdmin

APPROVAL_NAMES = {True: gettext_noop("approved"), False: gettext_noop("rejected"), None: gettext_noop("waiting")}
APPROVAL_COLOURS = {"approved": "success", "rejected": "danger", "waiting": "warning"}
REFUSALS = {
    OwnWork: gettext_lazy("You wrote this. A colleague approves it."),
    NotApproved: gettext_lazy("It has to be approved before it goes into production."),
    ChangedMeanwhile: gettext_lazy("Production has changed meanwhile. Please look again."),
    NothingBefore: gettext_lazy("There is nothing to go back to."),
}

View = Callable[..., HttpResponse]
Sent = Mapping[str, Any]


class VersionAdmin(ReadOnlyAdmin):
    """A version is written once. Other words are a new version, so what was said can always be read.

    `puts` is the act, and so the permission, of putting one into production. Whoever watches over the place may put
    back what was there before, and nothing else in its place.
    """

    puts: str
    page_template: str
    form_template: str
    new_title: Any

    list_display_links = ("number_shown",)
    ordering = ("-number",)

    def in_production(self) -> Mapping[str, Any]:
        """What stands above the list."""
        raise NotImplementedError

    def form_for_new(self, request: HttpRequest) -> tuple[forms.Form, Mapping[str, Any]]:
        """The form of a new version, and what else its page shows."""
        raise NotImplementedError

    def write(self, sent: Sent, *, author: User) -> Version:
        """Raises Duplicate."""
        raise NotImplementedError

    def about(self, request: HttpRequest, version: Any) -> Mapping[str, Any]:
        """What the page of a version shows besides its approval, with empty forms."""
        raise NotImplementedError

    def reject(self, request: HttpRequest, version: Any, note: str) -> None:
        approvals.reject(version, by=staff_of(request), note=note)

    def roll_back(self, sent: Sent, *, by: User) -> str:
        """What came of it, in words. Raises ChangedMeanwhile and NothingBefore."""
        raise NotImplementedError

    def acts(self) -> Mapping[str, View]:
        """What else can be done with one, by the end of the address."""
        return {}

    def get_urls(self) -> list[URLPattern]:
        acts = {"judge": self.judge_view, **self.acts()}
        return [
            path("rollback/", self.admin_site.admin_view(self.rollback_view), name=self._name("rollback")),
            *(
                path(f"<int:version_id>/{name}/", self.admin_site.admin_view(view), name=self._name(name))
                for name, view in acts.items()
            ),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        approval = self.model._meta.get_field("approvals").related_model
        last = approval.objects.filter(version=OuterRef("pk")).order_by("-created_at", "-pk")
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.annotate(last_approval=Subquery(last.values("is_approved")[:1]))

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm(self.model.permission("add"))

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(self.model.permission("approve"))

    def has_put_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(self.model.permission(self.puts))

    def has_rollback_permission(self, request: HttpRequest) -> bool:
        return self.has_put_permission(request) or request.user.has_perm(ROLLS_BACK)

    @display(description=gettext_lazy("version"), ordering="number")
    def number_shown(self, version: Version) -> str:
        return str(version)

    @display(description=gettext_lazy("approval"), label=APPROVAL_COLOURS)
    def approval_shown(self, version: Version) -> tuple[str, str]:
        name = APPROVAL_NAMES[getattr(version, "last_approval", None)]
        return name, _(name)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, and above it what is in production."""
        context = {
            **self.in_production(),
            "may_add": self.has_add_permission(request),
            "may_roll_back": self.has_rollback_permission(request),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A new version, beginning with what is in production."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, context = self.form_for_new(request)
        if form.is_valid():
            try:
                made = self.write(form.cleaned_data, author=staff_of(request))
                messages.success(request, _("Saved. Nobody is served with it yet."))
            except versions.Duplicate as error:
                made = error.version
                messages.info(request, _("There is a version that says exactly this: this one."))
            return redirect(self._page_of(made))
        return self._page(request, self.form_template, str(self.new_title), form=form, **context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What the version says, and what became of it."""
        version = self.get_object(request, object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        if version is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self._version_page(request, version)

    def judge_view(self, request: HttpRequest, version_id: int) -> HttpResponse:
        """Approve or reject."""

        def judge(version: Version, sent: Sent) -> None:
            if sent["answer"] == "approve":
                approvals.approve(version, by=staff_of(request), note=sent["note"])
            else:
                self.reject(request, version, sent["note"])

        may = self.has_approve_permission(request)
        return self.done(request, version_id, may=may, form=ApprovalForm, name="approval_form", act=judge)

    def done(
        self,
        request: HttpRequest,
        version_id: int,
        *,
        may: bool,
        form: type[forms.Form],
        name: str,
        act: Callable[[Any, Sent], None],
    ) -> HttpResponse:
        """What was sent is done, or refused in words; or it comes back, as `name` of the page, with what is missing."""
        if not may:
            raise PermissionDenied
        version = get_object_or_404(self.model, pk=version_id)
        if request.method == "POST":
            sent = form(request.POST)
            if not sent.is_valid():
                return self._version_page(request, version, **{name: sent})
            self._try(request, lambda: act(version, sent.cleaned_data))
        return redirect(self._page_of(version))

    def rollback_view(self, request: HttpRequest) -> HttpResponse:
        """Production goes back one step."""
        if not self.has_rollback_permission(request):
            raise PermissionDenied
        form = ReasonForm(request.POST)
        if request.method == "POST" and form.is_valid():
            self._try(
                request,
                lambda: messages.success(request, self.roll_back(form.cleaned_data, by=staff_of(request))),
            )
        elif request.method == "POST":
            messages.error(request, _("Please say why."))
        return redirect(reverse(f"admin:{self._name('changelist')}"))

    def _try(self, request: HttpRequest, act: Callable[[], None]) -> None:
        try:
            act()
        except tuple(REFUSALS) as error:
            messages.error(request, str(REFUSALS[type(error)]))
        except CannotChange as error:
            messages.error(request, str(error))

    def _version_page(self, request: HttpRequest, version: Version, **sent: forms.Form) -> HttpResponse:
        staff = staff_of(request)
        is_own = approvals.is_own(version, staff)
        may_judge = self.has_approve_permission(request)
        waits = is_own and approvals.has_colleague(staff, version.permission("approve"))
        context = {
            "version": version,
            "is_approved": approvals.is_approved(version),
            "approvals": version.approvals.select_related("by"),
            "approval_form": ApprovalForm(),
            "judge_address": reverse(f"admin:{self._name('judge')}", args=[version.pk]),
            "is_own": is_own,
            "may_reject": may_judge,
            "may_approve": may_judge and not waits,
            "waits_for_colleague": waits,
            "may_add": self.has_add_permission(request),
            "may_put": self.has_put_permission(request),
            **self.about(request, version),
        }
        return self._page(request, self.page_template, str(version), **{**context, **sent})

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "title": title}
        return TemplateResponse(request, template, {**common, **context})

    def _page_of(self, version: Version) -> str:
        return reverse(f"admin:{self._name('change')}", args=[version.pk])

    def _name(self, end: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{end}"
