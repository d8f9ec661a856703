"""The holdout: begun with a reason, ended with one."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from webapp.experiments.models import Holdout
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.results_admin import staff_of
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
    field_order = ("share", "reason")

    @property
    def slots(self) -> int:
        return round(self.cleaned_data["share"] * SLOTS / 100)


@admin.register(Holdout)
class HoldoutAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "share_shown", "prompt", "by", "is_open", "ended_at")
    list_select_related = ("by", "prompt")
    ordering = ("-started_at",)

    class Media:
        css = {"all": ("moderation/moderation.css", "experiments/prompts.css", "experiments/life.css")}

    def get_urls(self) -> list[URLPattern]:
        end = path("<int:holdout_id>/end/", self.admin_site.admin_view(self.end_view), name="experiments_holdout_end")
        return [end, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm("experiments.add_holdout")

    @display(description="share, in per cent", ordering="share")
    def share_shown(self, holdout: Holdout) -> str:
        return f"{holdout.share / SLOTS * 100:g}"

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = BeginForm(request.POST or None)
        if form.is_valid():
            try:
                begun = holdouts.begin(share=form.slots, by=staff_of(request), reason=form.cleaned_data["reason"])
            except holdouts.HoldoutOpen:
                messages.error(request, _("There is a holdout already. End it before another one begins."))
                return redirect("admin:experiments_holdout_changelist")
            messages.success(request, _("Its people keep what is in production now."))
            return redirect(PAGE, begun.pk)
        return self._page(request, _("Begin a holdout"), form=form)

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

    def _page(self, request: HttpRequest, title: str, **context: Any) -> HttpResponse:
        holdout = context.get("holdout")
        shown = {"share": self.share_shown(holdout)} if holdout else {}
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "title": title}
        may_add = self.has_add_permission(request)
        return TemplateResponse(request, "experiments/holdout.html", {**common, **shown, **context, "may_add": may_add})
