"""Shipping an arm, and rolling back: the evidence for and against on one page with the reason."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from webapp.experiments.errors import CannotChange
from webapp.experiments.evidence import Evidence, evidence_on
from webapp.experiments.models import Arm, Experiment
from webapp.experiments.results_admin import (
    SHIPS,
    STOPS,
    AdminPages,
    experiment_or_refuse,
    results_address,
    staff_of,
)
from webapp.experiments.results_query import Look
from webapp.experiments.services import shipping
from webapp.experiments.services.analysis import analyse
from webapp.experiments.services.figures import figures_of
from webapp.experiments.setting_names import named


class ShippingPages(AdminPages):
    """Part of the admin of experiments."""

    def shipping_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:experiment_id>/ship/<slug:arm_key>/", view(self.ship_view), name="experiments_experiment_ship"),
            path("<int:experiment_id>/roll-back/", view(self.roll_back_view), name="experiments_experiment_roll_back"),
            path("<int:experiment_id>/undo/", view(self.undo_view), name="experiments_experiment_undo"),
        ]

    def ship_view(self, request: HttpRequest, experiment_id: int, arm_key: str) -> HttpResponseBase:
        experiment = experiment_or_refuse(request, experiment_id, SHIPS)
        arms = experiment.arms.select_related("prompt").filter(is_control=False)
        arm = get_object_or_404(arms, key=arm_key)
        evidence = _evidence(experiment, arm)
        least = shipping.MIN_REASON_AGAINST_CHARS if evidence.is_against_shipping else shipping.MIN_REASON_CHARS
        return self._decide(request, experiment, evidence, arm=arm, least=least)

    def roll_back_view(self, request: HttpRequest, experiment_id: int) -> HttpResponseBase:
        experiment = experiment_or_refuse(request, experiment_id, STOPS)
        leader = analyse(experiment).leader or experiment.arms.filter(is_control=False).first()
        evidence = _evidence(experiment, leader)
        return self._decide(request, experiment, evidence, arm=None, least=shipping.MIN_REASON_CHARS)

    def undo_view(self, request: HttpRequest, experiment_id: int) -> HttpResponseBase:
        """Once more what was in production before."""
        experiment = experiment_or_refuse(request, experiment_id, SHIPS)
        reason, refusal = _reason(request), ""
        if request.method == "POST":
            try:
                shipping.undo(experiment, by=staff_of(request), reason=reason)
                messages.success(request, _("Undone. Everybody gets what was in production before."))
                return redirect(results_address(experiment, Look()))
            except CannotChange as error:
                refusal = str(error)
        return self._reason_page(
            request, experiment, shipping.MIN_REASON_CHARS, reason, refusal, undone=experiment.shipped
        )

    def _decide(
        self, request: HttpRequest, experiment: Experiment, evidence: Evidence, *, arm: Arm | None, least: int
    ) -> HttpResponseBase:
        """The page that ships `arm`, or rolls back where there is none."""
        if experiment.state not in shipping.DECIDABLE:
            raise PermissionDenied
        reason, refusal = _reason(request), ""
        if request.method == "POST":
            try:
                if arm is None:
                    shipping.roll_back(experiment, by=staff_of(request), reason=reason, evidence=evidence)
                    messages.success(request, _("Rolled back. Everybody gets what is in production."))
                else:
                    shipping.ship(experiment, arm, by=staff_of(request), reason=reason, evidence=evidence)
                    messages.success(request, _("Shipped. Everybody gets it with their next message."))
                return redirect(results_address(experiment, Look()))
            except CannotChange as error:
                refusal = str(error)
        settings = list(named(shipping.changed_settings(arm))) if arm else []
        return self._reason_page(
            request, experiment, least, reason, refusal, evidence=evidence, arm=arm, settings=settings
        )

    def _reason_page(
        self, request: HttpRequest, experiment: Experiment, least: int, reason: str, refusal: str, **context: Any
    ) -> TemplateResponse:
        asked = {"least": least, "most": shipping.MAX_REASON_CHARS, "reason": reason, "refusal": refusal}
        return self.page(request, "experiments/decide.html", experiment, **asked, **context)


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()[: shipping.MAX_REASON_CHARS]


def _evidence(experiment: Experiment, arm: Arm | None) -> Evidence:
    analysis = analyse(experiment)
    advice = analysis.advice[arm.pk].badge if arm and arm.pk in analysis.advice else "no_data"
    return evidence_on(figures_of(analysis), arm.pk if arm else 0, advice=advice)
