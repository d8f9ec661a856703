"""What the pages of an experiment's results share."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from webapp.accounts.models import User
from webapp.experiments.models import Experiment
from webapp.experiments.results_query import Look

SEES, RUNS, SHIPS = "experiments.view_experiment", "experiments.run_experiment", "experiments.ship_experiment"
STOPS, ROLLS_BACK = "experiments.stop_experiment", "experiments.roll_back_production"


class AdminPages(ModelAdmin):
    def page(self, request: HttpRequest, template: str, experiment: Experiment, **context: Any) -> TemplateResponse:
        common = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": experiment.name,
            "experiment": experiment,
        }
        return TemplateResponse(request, template, {**common, **context})


def experiment_or_refuse(request: HttpRequest, experiment_id: int, permission: str) -> Experiment:
    """One that can be planned, run and shipped, which that of a holdout is not."""
    experiment = measured_or_refuse(request, experiment_id, permission)
    if experiment.is_of_holdout:
        raise Http404
    return experiment


def measured_or_refuse(request: HttpRequest, experiment_id: int, permission: str) -> Experiment:
    """One that has results, that of a holdout too."""
    if not is_allowed(request.user, permission):
        raise PermissionDenied
    return get_object_or_404(Experiment.objects.select_related("owner", "shipped"), pk=experiment_id)


def is_allowed(viewer: User | AnonymousUser, permission: str) -> bool:
    """Whoever starts experiments may also stop them: a group that was made for it need not hold both."""
    return viewer.has_perm(permission) or (permission == STOPS and viewer.has_perm(RUNS))


def staff_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def results_address(experiment: Experiment, look: Look) -> str:
    return reverse("admin:experiments_experiment_results", args=[experiment.pk]) + look.query()
