"""Figures are computed once at a time for each experiment, however many people ask for them."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from webapp.experiments.models import Experiment

GIVEN_UP = timedelta(minutes=30)
"""After this a computation counts as lost, and another one can be asked for."""


def claim(experiment: Experiment) -> bool:
    """Whether nobody else has asked for its figures and waits for them: then whoever calls has."""
    now = timezone.now()
    is_idle = Q(measuring_since=None) | Q(measuring_since__lte=now - GIVEN_UP)
    return bool(Experiment.objects.filter(is_idle, pk=experiment.pk).update(measuring_since=now))


def unclaim(experiment: Experiment) -> None:
    Experiment.objects.filter(pk=experiment.pk).update(measuring_since=None)


def is_measuring(experiment: Experiment) -> bool:
    since = experiment.measuring_since
    return since is not None and since > timezone.now() - GIVEN_UP
