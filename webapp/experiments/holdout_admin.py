"""The holdout: begun with a reason, ended with one, and what it shows, period by period."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from webapp.experiments.errors import CannotChange
from webapp.experiments.experiment_forms import Role
from webapp.experiments.models import Holdout, Phase
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.plan_forms import metrics_form
from webapp.experiments.results_admin import SEES, results_address, staff_of
from webapp.experiments.results_health import shipped_lamp
from webapp.experiments.results_query import Look
from webapp.experiments.results_switches import phase_name
from webapp.experiments.services import holdouts
from webapp.moderation.readonly import ReadOnlyAdmin

PAGE = "admin:experiments_holdout_change"
MAX_SHARE = 20


class EndForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Why"), max_length=400, widget=UnfoldAdminTextInputWidget)


class BeginForm(EndForm):
    share = forms.DecimalField(
        label=gettext_lazy("Share of people, in per cent"),
        min_value=Decimal("0.1"),
        max_value=MAX_SHARE,
        decimal_places=1,
        initial=Decimal(5),
        widget=forms.NumberInput(attrs={"class": "field", "step": "0.1"}),
    )
    period_days = forms.IntegerField(
        label=gettext_lazy("Days of a period"),
        min_value=7,
        max_value=365,
        initial=holdouts.PERIOD_DAYS,
        help_text=gettext_lazy("After so many days people are counted anew, with all that was shipped by then."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    field_order = ("share", "period_days", "reason")

    @property
    def slots(self) -> int:
        return round(self.cleaned_data["share"] * SLOTS / 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodShown:
    """A time in which people counted once; `shipped` says what there is to compare in it."""

    name: str
    period: Phase
    shipped: str
    address: str


@admin.register(Holdout)
class HoldoutAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "share_shown", "prompt", "by", "is_open", "ended_at")
    list_select_related = ("by", "prompt")
    ordering = ("-started_at",)

    class Media:
        css = {
            "all": (
                *("moderation/moderation.css", "experiments/prompts.css", "experiments/experiments.css"),
                "experiments/life.css",
            )
        }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:holdout_id>/end/", view(self.end_view), name="experiments_holdout_end"),
            path("<int:holdout_id>/period/", view(self.period_view), name="experiments_holdout_period"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm("experiments.add_holdout")

    @display(description=gettext_lazy("share, in per cent"), ordering="share")
    def share_shown(self, holdout: Holdout) -> str:
        return f"{holdout.share / SLOTS * 100:g}"

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, metrics = BeginForm(request.POST or None), metrics_form(request.POST or None)
        measured = metrics.measured() if metrics.is_valid() else []
        if form.is_valid() and not any(each.role == Role.GOAL for each in measured):
            form.add_error(None, _("Choose a goal: what should have got better for people."))
        if form.is_valid():
            asked = form.cleaned_data
            try:
                begun = holdouts.begin(
                    share=form.slots,
                    by=staff_of(request),
                    reason=asked["reason"],
                    period_days=asked["period_days"],
                    metrics=measured,
                )
            except holdouts.HoldoutOpen:
                messages.error(request, _("There is a holdout already. End it before another one begins."))
                return redirect("admin:experiments_holdout_changelist")
            except holdouts.ExperimentsUnderWay:
                words = _("Experiments are under way, and its people would leave them in the middle. Stop them before.")
                messages.error(request, words)
                return redirect("admin:experiments_holdout_changelist")
            messages.success(request, _("Its people keep what is in production now."))
            return redirect(PAGE, begun.pk)
        return self._page(request, _("Begin a holdout"), form=form, metrics=metrics)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        holdout = self.get_object(request, object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        if holdout is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self._page(request, str(holdout), holdout=holdout, form=EndForm())

    def end_view(self, request: HttpRequest, holdout_id: int) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        holdout = get_object_or_404(Holdout, pk=holdout_id)
        form = EndForm(request.POST or None)
        if not form.is_valid():
            return self._page(request, str(holdout), holdout=holdout, form=form)
        holdouts.end(holdout, by=staff_of(request), reason=form.cleaned_data["reason"])
        messages.success(request, _("Ended. Its people get what everybody gets."))
        return redirect(PAGE, holdout.pk)

    def period_view(self, request: HttpRequest, holdout_id: int) -> HttpResponseBase:
        """Count anew from now on, for whoever does not want to wait until the days are over."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        holdout = get_object_or_404(Holdout.objects.select_related("experiment"), pk=holdout_id)
        last = request.POST.get("after", "")
        if holdout.experiment is not None and last.isascii() and last.isdecimal():
            reason = _("Asked for on the page of the holdout.")
            try:
                holdouts.begin_period(holdout.experiment, after=int(last[:4]), by=staff_of(request), reason=reason)
                messages.success(request, _("Everybody counts anew from now on."))
            except CannotChange as error:
                messages.error(request, str(error))
        return redirect(PAGE, holdout.pk)

    def _page(self, request: HttpRequest, title: str, **context: Any) -> HttpResponse:
        holdout = context.get("holdout")
        shown = {"share": self.share_shown(holdout), "periods": _periods(request, holdout)} if holdout else {}
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "title": title}
        may_add = self.has_add_permission(request)
        return TemplateResponse(request, "experiments/holdout.html", {**common, **shown, **context, "may_add": may_add})


def _periods(request: HttpRequest, holdout: Holdout) -> Sequence[PeriodShown]:
    """The newest first; none for whoever may not see results."""
    if holdout.experiment is None or not request.user.has_perm(SEES):
        return []
    return [
        PeriodShown(
            name=phase_name(period),
            period=period,
            shipped=shipped_lamp(period).words,
            address=results_address(holdout.experiment, Look(phase=period)),
        )
        for period in holdout.experiment.phases.order_by("-number")
    ]
