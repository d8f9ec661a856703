"""Metrics that the team defines. What a started experiment is measured by stays as it is."""

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from webapp.accounts.models import User
from webapp.experiments.models import Metric
from webapp.moderation.services import audit

IS_STARTED = Q(experiments__experiment__started_at__isnull=False)


class MetricIsFixed(ValueError):
    """It is built in, or an experiment that has started is measured by it: a copy can be changed."""


def with_uses() -> QuerySet[Metric]:
    """With `num_experiments` that have it, and `num_started` of them."""
    return Metric.objects.annotate(
        num_experiments=Count("experiments"), num_started=Count("experiments", filter=IS_STARTED)
    )


def is_fixed(metric: Metric) -> bool:
    return metric.is_built_in or Metric.objects.filter(IS_STARTED, pk=metric.pk).exists()


@transaction.atomic
def save(metric: Metric, *, by: User) -> Metric:
    """Keep a new metric, or a changed one. Raises MetricIsFixed."""
    is_new = metric.pk is None
    if not is_new and is_fixed(Metric.objects.select_for_update().get(pk=metric.pk)):
        raise MetricIsFixed(metric.key)
    metric.save()
    action = "define_metric" if is_new else "change_metric"
    audit.record(by, action, subject_type="metric", subject_ref=metric.pk, details={"key": metric.key})
    return metric
