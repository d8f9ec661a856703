"""Policies in the administration: drafted from the one in force, replayed over the record, put into force."""

from collections.abc import Mapping
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from assistant.safety.policy import PolicyError, policy_from
from webapp import wiring
from webapp.accounts.models import User
from webapp.moderation.models import PolicyVersion
from webapp.moderation.policy_changes import changes, changes_replayed
from webapp.moderation.policy_forms import CODE_NAMES, ActivateForm, PolicyForm
from webapp.moderation.readonly import ReadOnlyAdmin
from webapp.moderation.services import policies

PERIODS = (1, 7, 30)
STATE_COLOURS = {
    PolicyVersion.State.ACTIVE.label: "success",
    PolicyVersion.State.DRAFT.label: "info",
    PolicyVersion.State.RETIRED.label: "warning",
}


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnlyAdmin):
    """A version is written once. Changing a policy means a new draft, so what was in force can always be read."""

    list_display = ("number_shown", "state_shown", "note", "author", "created_at", "activated_at", "activated_by")
    list_display_links = ("number_shown",)
    list_filter = ("state", "created_at")
    list_select_related = ("author", "activated_by")
    ordering = ("-number",)

    class Media:
        css = {"all": ("moderation/moderation.css",)}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        activate = path(
            "<int:version_id>/activate/", view(self.activate_view), name="moderation_policyversion_activate"
        )
        return [activate, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm("moderation.add_policyversion")

    def has_activate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("moderation.activate_policyversion")

    @display(description=gettext_lazy("policy"), ordering="number")
    def number_shown(self, version: PolicyVersion) -> str:
        return str(version)

    @display(description=gettext_lazy("state"), ordering="state", label=STATE_COLOURS)
    def state_shown(self, version: PolicyVersion) -> str:
        return version.get_state_display()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A new draft, filled in with the policy in force or with the version named by `copy`."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        rules = policies.active_rules(num_parameters=wiring.model_card().parameters)
        if request.GET.get("copy", "").isdecimal():
            copied = get_object_or_404(PolicyVersion, number=request.GET["copy"][:18])
            try:
                policy_from(copied.rules, version="copy")
            except PolicyError as error:
                messages.error(request, _("It cannot be copied: %(error)s") % {"error": error.said(_)})
                return redirect("admin:moderation_policyversion_change", copied.pk)
            rules = copied.rules
        form = PolicyForm(request.POST or None, initial=PolicyForm.initial_for(_with_code(rules)))
        if form.is_valid():
            drafted = policies.draft(
                author=_staff(request), rules=form.cleaned_data["rules"], note=form.cleaned_data["note"]
            )
            messages.success(request, _("Drafted. It changes nothing before it is put into force."))
            return redirect("admin:moderation_policyversion_change", drafted.pk)
        missing = _is_scanner_missing()
        return self._page(
            request, "moderation/policy_form.html", _("New policy"), form=form, is_scanner_missing=missing
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What the version says, how it differs from the one in force, and what it would have done."""
        version = self.get_object(request, object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        if version is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self._version_page(request, version, ActivateForm())

    def activate_view(self, request: HttpRequest, version_id: int) -> HttpResponse:
        if not self.has_activate_permission(request):
            raise PermissionDenied
        version = get_object_or_404(PolicyVersion, pk=version_id)
        form = ActivateForm(request.POST)
        if request.method != "POST" or not form.is_valid():
            return self._version_page(request, version, form if request.method == "POST" else ActivateForm())
        try:
            policies.activate(version, by=_staff(request), reason=form.cleaned_data["reason"])
            messages.success(request, _("In force, for every turn that begins from a few seconds from now on."))
        except PolicyError as error:
            messages.error(request, error.said(_))
        return redirect("admin:moderation_policyversion_change", version.pk)

    def _version_page(self, request: HttpRequest, version: PolicyVersion, form: ActivateForm) -> HttpResponse:
        asked = request.GET.get("days", "")
        days = int(asked) if asked in map(str, PERIODS) else PERIODS[1]
        context: dict[str, Any] = {"version": version, "form": form, "days": days, "periods": PERIODS}
        try:
            context["code_rule"] = CODE_NAMES.get(version.rules.get("code", ""))
            context["is_scanner_missing"] = _with_code(version.rules)["code"] != "off" and _is_scanner_missing()
            context["table"] = PolicyForm(initial=PolicyForm.initial_for(version.rules)).tables()
            if version.state == PolicyVersion.State.DRAFT:
                size = wiring.model_card().parameters
                found = policies.replayed(version.rules, days=days, num_parameters=size)
                context |= {"replay": found, "rows": changes_replayed(found)}
                in_force = policies.active_rules(num_parameters=size)
                context["changes"] = changes(_with_code(in_force), _with_code(version.rules))
                drafted = policy_from(version.rules, version="draft")
                context["forgets_small_models"] = not drafted.spares_small_models
        except PolicyError as error:
            context["unreadable"] = error.said(_)
        context["may_activate"] = self.has_activate_permission(request)
        context["may_add"] = self.has_add_permission(request)
        return self._page(request, "moderation/policy.html", str(version), **context)

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "title": title}
        return TemplateResponse(request, template, {**common, **context})


def _with_code(rules: Mapping[str, Any]) -> dict[str, Any]:
    """Where a version says nothing about code, the settings do."""
    return {"code": wiring.usual_code_rule(), **rules}


def _is_scanner_missing() -> bool:
    return not async_to_sync(wiring.code_shield_is_ready)()


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
