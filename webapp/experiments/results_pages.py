"""The results of an experiment in the administration, for people who would rather look than read."""

from dataclasses import replace
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from webapp import jobs
from webapp.experiments import results_wording as wording
from webapp.experiments.funnel_rows import funnel_rows
from webapp.experiments.metric_plots import metric_plots
from webapp.experiments.models import Arm, Experiment, Metric
from webapp.experiments.results_admin import (
    SEES,
    SHIPS,
    STOPS,
    AdminPages,
    is_allowed,
    measured_or_refuse,
    results_address,
    staff_of,
)
from webapp.experiments.results_around import blind_shown, first_figures_at, methods_of, updated_at
from webapp.experiments.results_csv import csv_of
from webapp.experiments.results_health import lamps_of
from webapp.experiments.results_query import Look, look_of, part_name
from webapp.experiments.results_rows import groups_of
from webapp.experiments.results_shares import shares_shown
from webapp.experiments.results_switches import fixed_link, phase_name, switches_of
from webapp.experiments.services import claims, reports, shipping
from webapp.experiments.services.analysis import Analysis, analyse
from webapp.experiments.services.figures import figures_of


class ResultPages(AdminPages):
    """The addresses of an experiment's results; the admin of experiments builds on it."""

    def result_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:experiment_id>/results/", view(self.results_view), name="experiments_experiment_results"),
            path("<int:experiment_id>/results.csv", view(self.csv_view), name="experiments_experiment_csv"),
            path("<int:experiment_id>/measure/", view(self.measure_view), name="experiments_experiment_measure"),
            path(
                "<int:experiment_id>/results/<int:metric_id>/<slug:arm_key>/",
                view(self.metric_view),
                name="experiments_experiment_metric",
            ),
            path("<int:experiment_id>/report/", view(self.report_view), name="experiments_experiment_report"),
            path(
                "<int:experiment_id>/report/<uuid:report_id>/revoke/",
                view(self.revoke_view),
                name="experiments_experiment_revoke",
            ),
        ]

    def results_view(self, request: HttpRequest, experiment_id: int) -> HttpResponse:
        experiment = measured_or_refuse(request, experiment_id, SEES)
        look = look_of(experiment, request.GET)
        analysis = _analysis(experiment, look)
        figures = figures_of(analysis, part=look.part)
        advised = figures if look.is_whole else figures_of(_whole(experiment, look))
        is_decidable = experiment.state in shipping.DECIDABLE and not experiment.is_of_holdout
        is_open = is_decidable and experiment.shipped is None
        return self.page(
            request,
            "experiments/results.html",
            experiment,
            look=look,
            analysis=analysis,
            figures=figures,
            advised=advised,
            badge=wording.badge_label(advised),
            badge_tone=wording.BADGE_TONES.get(advised.badge, "open"),
            sentence=wording.badge_sentence(advised),
            lamps=lamps_of(analysis),
            shares=shares_shown(analysis),
            groups=groups_of(figures, look.scale, people_per_day=_people_per_day(analysis)),
            switches=switches_of(experiment, analysis, look),
            phase=phase_name(analysis.phase) if analysis.phase else "",
            fixed=fixed_link(analysis, look),
            holdout=experiment.holdout if experiment.is_of_holdout else None,
            blind=blind_shown(analysis),
            updated_at=updated_at(analysis),
            is_measuring=claims.is_measuring(experiment),
            first_at=first_figures_at(analysis),
            reports=experiment.reports.select_related("made_by"),
            report_days=reports.LASTS_DAYS,
            may_report=is_allowed(request.user, STOPS),
            may_ship=request.user.has_perm(SHIPS) and is_open,
            may_roll_back=is_allowed(request.user, STOPS) and is_open,
            may_undo=request.user.has_perm(SHIPS) and experiment.shipped is not None,
        )

    def csv_view(self, request: HttpRequest, experiment_id: int) -> HttpResponse:
        experiment = measured_or_refuse(request, experiment_id, SEES)
        look = look_of(experiment, request.GET)
        figures = figures_of(_analysis(experiment, look), part=look.part)
        table = csv_of(figures, part=part_name(look.part) if look.part else "", until=look.until)
        response = HttpResponse(table, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{experiment.key}.csv"'
        return response

    def measure_view(self, request: HttpRequest, experiment_id: int) -> HttpResponseBase:
        experiment = measured_or_refuse(request, experiment_id, SEES)
        if request.method == "POST":
            if claims.claim(experiment) and not jobs.enqueue_measuring(experiment.pk):
                claims.unclaim(experiment)
                messages.error(request, _("Nobody could be asked to compute them. They are computed every night."))
            else:
                messages.success(request, _("The figures are being computed. Load the page again in a minute."))
        return redirect(results_address(experiment, look_of(experiment, request.GET)))

    def metric_view(self, request: HttpRequest, experiment_id: int, metric_id: int, arm_key: str) -> HttpResponse:
        """One metric of one arm: over the days, by parts of the people, and by other methods; as of now."""
        experiment = measured_or_refuse(request, experiment_id, SEES)
        metric = get_object_or_404(Metric, pk=metric_id, experiments__experiment=experiment)
        arm = get_object_or_404(Arm, experiment=experiment, key=arm_key)
        look = replace(look_of(experiment, request.GET), until=None)
        analysis = _analysis(experiment, look)
        groups = groups_of(figures_of(analysis, part=look.part), look.scale)
        mine = [each for group in groups for each in group.rows if each.figures.metric_id == metric.pk]
        shown = next((each for each in mine if each.figures.arm_id == arm.pk), None)
        row = next((row for row in analysis.rows if row.metric == metric and row.arm_id == arm.pk), None)
        told = None if shown and shown.figures.is_hidden else row
        return self.page(
            request,
            "experiments/metric_results.html",
            experiment,
            metric=metric,
            arm=arm,
            look=look,
            analysis=analysis,
            shown=shown,
            plots=metric_plots(analysis, told) if told else None,
            methods=methods_of(told) if told else [],
            steps=funnel_rows(analysis, told, where=look.where) if told else [],
            first_at=first_figures_at(analysis),
        )

    def report_view(self, request: HttpRequest, experiment_id: int) -> HttpResponseBase:
        """Freeze the figures of everybody as of now, as strangers are not told of a part that was picked. The link is
        said once, as only its hash is kept."""
        experiment = measured_or_refuse(request, experiment_id, STOPS)
        look = look_of(experiment, request.GET)
        if request.method == "POST":
            asked = request.POST.get("days", "")
            days = int(asked) if asked in map(str, reports.LASTS_DAYS) else reports.LASTS_DAYS[0]
            figures = figures_of(_whole(experiment, replace(look, until=None)))
            _report, token = reports.make(experiment, figures, by=staff_of(request), days=days)
            address = request.build_absolute_uri(reverse("experiment_report", args=[token]))
            messages.success(request, _("Copy the link now, it is not shown again: %(address)s") % {"address": address})
        return redirect(results_address(experiment, look))

    def revoke_view(self, request: HttpRequest, experiment_id: int, report_id: UUID) -> HttpResponseBase:
        experiment = measured_or_refuse(request, experiment_id, STOPS)
        report = get_object_or_404(experiment.reports, pk=report_id)
        if request.method == "POST":
            reports.revoke(report)
            messages.success(request, _("The link leads nowhere any more."))
        return redirect(results_address(experiment, Look()))


def _analysis(experiment: Experiment, look: Look) -> Analysis:
    return analyse(experiment, phase=look.phase, base=look.base, where=look.where, until=look.until)


def _whole(experiment: Experiment, look: Look) -> Analysis:
    """What is decided by: everybody of the phase, compared with the control."""
    return analyse(experiment, phase=look.phase, until=look.until)


def _people_per_day(analysis: Analysis) -> float:
    """Everybody who comes on a day, in the experiment or not."""
    slots = analysis.experiment.slots.count() or analysis.experiment.traffic
    return analysis.num_people / max(1.0, analysis.days_so_far) * 1000 / slots
