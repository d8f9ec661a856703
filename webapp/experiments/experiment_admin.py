"""Experiments in the administration: planned on one page, started, watched and ended on another."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from webapp.experiments import experiment_pages
from webapp.experiments.act_forms import ActForm
from webapp.experiments.errors import CannotChange
from webapp.experiments.experiment_acts import ACTS, WRITES
from webapp.experiments.models import Experiment, Exposure, Phase
from webapp.experiments.plan_forms import PlanForms, forms_for_draft, forms_for_new
from webapp.experiments.results_admin import experiment_or_refuse, staff_of
from webapp.experiments.results_pages import ResultPages
from webapp.experiments.services import drafting
from webapp.experiments.shipping_pages import ShippingPages
from webapp.moderation.readonly import ReadOnlyAdmin

State = Experiment.State
PAGE = "admin:experiments_experiment_change"
ADDS = "experiments.add_experiment"
STATE_COLOURS = {
    State.DRAFT.label: "info",
    State.RUNNING.label: "success",
    State.PAUSED.label: "warning",
    State.STOPPED.label: "default",
    State.ARCHIVED.label: "default",
}
BADGES = {
    "ship": "ship it",
    "roll_back": "roll back",
    "keep_running": "keep running",
    "review": "ready for review",
    "small_gain": "better, too little",
    "no_difference": "no difference",
    "unhealthy": "unhealthy",
}
BADGE_COLOURS = {
    "ship it": "success",
    "roll back": "danger",
    "unhealthy": "danger",
    "keep running": "info",
    "no difference": "default",
}


@admin.register(Experiment)
class ExperimentAdmin(ResultPages, ShippingPages, ReadOnlyAdmin):
    list_display = (
        *("name", "state_shown", "badge_shown", "owner", "layer", "num_people", "days_shown", "decision", "started_at"),
    )
    list_filter = ("state", "layer", ("owner", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("owner", "layer")
    search_fields = ("name", "key", "hypothesis")
    list_before_template = "experiments/experiment_list.html"
    ordering = (F("started_at").desc(nulls_first=True), "-created_at")

    class Media:
        css = {
            "all": (
                *("moderation/moderation.css", "experiments/prompts.css", "experiments/experiments.css"),
                *("experiments/plots.css", "experiments/life.css"),
            )
        }
        js = ("experiments/life.js",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:experiment_id>/edit/", view(self.edit_view), name="experiments_experiment_edit"),
            path("<int:experiment_id>/copy/", view(self.copy_view), name="experiments_experiment_copy"),
            path("<int:experiment_id>/discard/", view(self.discard_view), name="experiments_experiment_discard"),
            path("<int:experiment_id>/act/<slug:act>/", view(self.act_view), name="experiments_experiment_act"),
            *self.result_urls(),
            *self.shipping_urls(),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        last = Phase.objects.filter(experiment=OuterRef(OuterRef("pk"))).order_by("-number").values("pk")[:1]
        exposed = Exposure.objects.filter(phase=Subquery(last), is_forced=False).order_by()
        people = exposed.values("phase").annotate(num=Count("pk")).values("num")
        experiments: QuerySet[Experiment] = super().get_queryset(request).exclude(layer=None)
        return experiments.annotate(num_exposed=Coalesce(Subquery(people), 0))

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm(ADDS)

    @display(description=gettext_lazy("state"), ordering="state", label=STATE_COLOURS)
    def state_shown(self, experiment: Experiment) -> str:
        return experiment.get_state_display()

    @display(description=gettext_lazy("advice"), label=BADGE_COLOURS)
    def badge_shown(self, experiment: Experiment) -> str:
        return BADGES.get(experiment.badge, "") if experiment.state in (State.RUNNING, State.PAUSED) else ""

    @display(description=gettext_lazy("people"), ordering="num_exposed")
    def num_people(self, experiment: Experiment) -> int:
        return getattr(experiment, "num_exposed", 0)

    @display(description=gettext_lazy("days"))
    def days_shown(self, experiment: Experiment) -> str:
        if experiment.started_at is None:
            return ""
        ran = (experiment.stopped_at or timezone.now()) - experiment.started_at
        return f"{ran.days} / {experiment.planned_days}"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"may_add": self.has_add_permission(request), **(extra_context or {})})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A new plan; the address may say what its second arm changes: `?prompt=3&temperature=0.5`."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        forms = forms_for_new(request.GET.dict(), request.POST or None)
        if request.method == "POST" and forms.are_valid():
            made = drafting.create(forms.cleaned(), owner=staff_of(request))
            messages.success(request, _("Saved as a draft. Nobody is in it before it is started."))
            return redirect(PAGE, made.pk)
        return self._form_page(request, _("New experiment"), forms)

    def edit_view(self, request: HttpRequest, experiment_id: int) -> HttpResponse:
        experiment = experiment_or_refuse(request, experiment_id, WRITES)
        if experiment.state != State.DRAFT:
            messages.error(request, _("It has been started, so its plan stays as it is. Copy it for another one."))
            return redirect(PAGE, experiment.pk)
        forms = forms_for_draft(experiment, request.POST or None)
        if request.method == "POST" and forms.are_valid():
            try:
                drafting.change(experiment, forms.cleaned(), by=staff_of(request))
                messages.success(request, _("Saved."))
            except CannotChange as error:
                messages.error(request, str(error))
            return redirect(PAGE, experiment.pk)
        estimate = experiment_pages.estimate(experiment)
        return self._form_page(request, experiment.name, forms, experiment=experiment, estimate=estimate)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Its state with what can be done now, its set-up, and what happened."""
        experiment = self.get_object(request, object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        if experiment is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self._experiment_page(request, experiment)

    def act_view(self, request: HttpRequest, experiment_id: int, act: str) -> HttpResponse:
        """One of the buttons."""
        if act not in ACTS:
            raise Http404
        doing = ACTS[act]
        experiment = experiment_or_refuse(request, experiment_id, doing.permission)
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return redirect(PAGE, experiment.pk)
        form = doing.form(request.POST, experiment=experiment, auto_id=f"{act}-%s")
        if not form.is_valid():
            return self._experiment_page(request, experiment, {act: form})
        try:
            doing.do(experiment, form, staff_of(request))
            messages.success(request, _(doing.said))
        except CannotChange as error:
            messages.error(request, str(error))
        return redirect(PAGE, experiment.pk)

    def copy_view(self, request: HttpRequest, experiment_id: int) -> HttpResponseBase:
        experiment = experiment_or_refuse(request, experiment_id, ADDS)
        if request.method != "POST":
            return redirect(PAGE, experiment.pk)
        copied = drafting.copy(experiment, by=staff_of(request))
        messages.success(request, _("This is a copy, as a draft."))
        return redirect("admin:experiments_experiment_edit", copied.pk)

    def discard_view(self, request: HttpRequest, experiment_id: int) -> HttpResponseBase:
        experiment = experiment_or_refuse(request, experiment_id, WRITES)
        if request.method != "POST":
            return redirect(PAGE, experiment.pk)
        try:
            drafting.discard(experiment)
            messages.success(request, _("Thrown away."))
        except CannotChange as error:
            messages.error(request, str(error))
            return redirect(PAGE, experiment.pk)
        return redirect("admin:experiments_experiment_changelist")

    def _experiment_page(
        self, request: HttpRequest, experiment: Experiment, bound: dict[str, ActForm] | None = None
    ) -> HttpResponse:
        staff = staff_of(request)
        context = {
            **experiment_pages.page_of(experiment, staff),
            "forms": experiment_pages.act_forms(experiment, staff, bound or {}),
            "failed": list(bound or {}),
            "may_add": self.has_add_permission(request),
            "may_write": request.user.has_perm(WRITES),
        }
        return self._page(request, "experiments/experiment.html", experiment.name, **context)

    def _form_page(self, request: HttpRequest, title: str, forms: PlanForms, **context: Any) -> HttpResponse:
        return self._page(request, "experiments/experiment_form.html", title, forms=forms, **context)

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "title": title}
        return TemplateResponse(request, template, {**common, **context})
