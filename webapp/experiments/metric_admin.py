"""Metrics in the administration: the built-in ones, and those the team defines, tried on the last weeks first."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from webapp.accounts.models import User
from webapp.experiments.facts import FACTS
from webapp.experiments.metric_forms import MetricForm
from webapp.experiments.models import Metric
from webapp.experiments.services import metrics
from webapp.experiments.services.funnels import step_names
from webapp.experiments.services.history import History, history
from webapp.moderation.readonly import ReadOnlyAdmin

PAGE = "admin:experiments_metric_change"
DAYS = 28


@admin.register(Metric)
class MetricAdmin(ReadOnlyAdmin):
    """A form with two buttons: one shows what the metric was lately, the other keeps it."""

    list_display = ("name", "kind_shown", "of", "window_shown", "direction", "used_in", "is_built_in")
    list_filter = ("kind", "is_rare", "is_built_in")
    search_fields = ("name", "key")
    ordering = ("name",)

    class Media:
        css = {"all": ("moderation/moderation.css", "experiments/metrics.css")}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Metric]:
        return metrics.with_uses()

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm("experiments.add_metric")

    def may_change(self, request: HttpRequest) -> bool:
        return request.user.has_perm("experiments.change_metric")

    @display(description=gettext_lazy("kind"), ordering="kind", label=True)
    def kind_shown(self, metric: Metric) -> str:
        return metric.get_kind_display()

    @display(description=gettext_lazy("of"))
    def of(self, metric: Metric) -> str:
        if metric.kind == Metric.Kind.FUNNEL:
            return " → ".join(step_names(metric))
        names = [FACTS[key].description for key in (metric.fact, metric.per) if key in FACTS]
        return " / ".join(names)

    @display(description=gettext_lazy("hours"), ordering="window_hours")
    def window_shown(self, metric: Metric) -> str:
        return f"{metric.from_hours}–{metric.window_hours}"

    @display(description=gettext_lazy("better"), ordering="is_better_up", label={"up": "success", "down": "info"})
    def direction(self, metric: Metric) -> str:
        return "up" if metric.is_better_up else "down"

    @display(description=gettext_lazy("experiments"), ordering="num_experiments")
    def used_in(self, metric: Metric) -> int:
        return metric.num_experiments  # type: ignore[attr-defined]  # annotated in `with_uses`

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A new metric, filled in with the one named by `copy`."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        initial: dict[str, Any] = {}
        if request.GET.get("copy"):
            copied = get_object_or_404(Metric, key=request.GET["copy"])
            initial = model_to_dict(copied, fields=MetricForm.Meta.fields) | {"key": "", "name": ""}
        form = MetricForm(request.POST or None, initial=initial)
        return self._tried_or_kept(request, form, _("New metric"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What the metric is and was lately; and the form, where it can be changed."""
        metric = self.get_object(request, object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        if metric is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if self.may_change(request) and not metrics.is_fixed(metric):
            return self._tried_or_kept(request, MetricForm(request.POST or None, instance=metric), metric.name)
        if request.method == "POST":
            raise PermissionDenied
        shown = {"metric": metric, "of": self.of(metric), "may_add": self.has_add_permission(request), "days": DAYS}
        if "lately" in request.GET:
            shown |= _lately(history(metric, days=DAYS))
        return self._page(request, "experiments/metric.html", metric.name, **shown)

    def _tried_or_kept(self, request: HttpRequest, form: MetricForm, title: str) -> HttpResponse:
        context: dict[str, Any] = {"form": form}
        if form.is_valid():
            if "keep" in request.POST:
                return self._keep(request, form)
            context |= _lately(history(form.instance, days=DAYS))
        return self._page(request, "experiments/metric_form.html", title, **context)

    def _keep(self, request: HttpRequest, form: MetricForm) -> HttpResponse:
        assert isinstance(request.user, User)
        try:
            kept = metrics.save(form.instance, by=request.user)
            messages.success(request, _("Kept. Experiments can be measured by it now."))
        except metrics.MetricIsFixed:
            kept = form.instance
            messages.error(request, _("An experiment is measured by it by now, so it stays as it was."))
        return redirect(PAGE, kept.pk)

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "title": title}
        return TemplateResponse(request, template, {**common, **context})


def _lately(found: History | None) -> dict[str, Any]:
    """For the panel of the last weeks. `lately` is None where there is too little to say."""
    most = max((bar.num for bar in found.bars), default=1) if found else 1
    return {"is_tried": True, "lately": found, "days": DAYS, "most": most}
