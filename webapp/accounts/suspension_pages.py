"""Suspending a person and lifting it: each asks for its reason on a page of its own."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from webapp.accounts.models import User
from webapp.moderation.models import Suspension
from webapp.moderation.readonly import ReadOnlyInline
from webapp.moderation.services import suspensions
from webapp.moderation.services.case_rules import MAX_DAYS


class SuspendForm(forms.Form):
    days = forms.IntegerField(
        label=gettext_lazy("Days"), min_value=1, max_value=MAX_DAYS, initial=7, widget=UnfoldAdminIntegerFieldWidget
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason, which the person is told"), max_length=200, widget=UnfoldAdminTextInputWidget
    )


class LiftForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why it ends now, for the record"), max_length=200, widget=UnfoldAdminTextInputWidget
    )


class SuspensionInline(ReadOnlyInline):
    """The person's suspensions, the running and the past."""

    model = Suspension
    fk_name = "person"
    fields = readonly_fields = ("created_at", "until", "reason", "by", "lifted_at", "lifted_by", "lift_reason")


class SuspensionPages(ModelAdmin):
    """The part of the people's administration that is about suspensions."""

    actions_detail = ("suspend", "lift")

    def may_suspend(self, request: HttpRequest, person: User | None = None) -> bool:
        return request.user.has_perm("accounts.suspend_user") and not (person is not None and person.is_staff)

    def has_suspend_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.may_suspend(request, self.get_object(request, object_id) if object_id else None)

    def has_lift_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        person = self.get_object(request, object_id) if object_id else None
        return self.may_suspend(request, person) and not (person is not None and not person.is_suspended)

    @action(description=gettext_lazy("Suspend…"), permissions=["suspend"], url_path="suspend", icon="block")
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        person = self._person(request, object_id)
        form = SuspendForm(request.POST or None)
        if form.is_valid():
            until = timezone.now() + timedelta(days=form.cleaned_data["days"])
            try:
                suspensions.suspend(person, by=_staff(request), reason=form.cleaned_data["reason"], until=until)
            except ValueError as refusal:
                messages.error(request, str(refusal))
            else:
                messages.success(request, _("%(person)s is suspended.") % {"person": person})
            return redirect("admin:accounts_user_change", person.pk)
        return self._page(request, person, form, title=_("Suspend %(person)s") % {"person": person}, verb=_("Suspend"))

    @action(description=gettext_lazy("Lift…"), permissions=["lift"], url_path="lift", icon="lock_open")
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """All that is running ends."""
        person = self._person(request, object_id)
        form = LiftForm(request.POST or None)
        if form.is_valid():
            suspensions.free(person, by=_staff(request), reason=form.cleaned_data["reason"])
            messages.success(request, _("%(person)s can send messages again.") % {"person": person})
            return redirect("admin:accounts_user_change", person.pk)
        title = _("Lift the suspension of %(person)s") % {"person": person}
        return self._page(request, person, form, title=title, verb=_("Lift"))

    def _person(self, request: HttpRequest, object_id: str) -> User:
        """Raises Http404 for what is nobody's id, also if it could be none."""
        person = self.get_object(request, object_id)
        if person is None:
            raise Http404
        return person

    def _page(self, request: HttpRequest, person: User, form: forms.Form, *, title: str, verb: str) -> HttpResponse:
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "verb": verb,
            "person": person,
            "form": form,
        }
        return TemplateResponse(request, "moderation/suspension_form.html", context)


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
