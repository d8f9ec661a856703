"""Pauses of an experiment: who was in it by then had what is in production for some of the time that counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Q
from django.utils import timezone

from webapp.experiments.models import Exposure, Phase

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """`share` of the people, whose longest window reaches into a pause of the phase; all pauses took `days`."""

    days: float
    share: float


def paused(phase: Phase, *, now: datetime | None = None) -> Paused | None:
    """None where nobody's window reaches into a pause."""
    spans = _spans(phase, now or timezone.now())
    if not spans:
        return None
    hours = phase.experiment.metrics.aggregate(hours=Max("metric__window_hours"))["hours"] or 0
    reaches = Q()
    for begins, ends in spans:
        reaches |= Q(at__gt=begins - timedelta(hours=hours), at__lt=ends)
    people = Exposure.objects.filter(phase=phase, is_forced=False)
    num = people.filter(reaches).count()
    days = sum((ends - begins).total_seconds() for begins, ends in spans) / 86_400
    return Paused(days=days, share=num / people.count()) if num else None


def _spans(phase: Phase, now: datetime) -> Sequence[Span]:
    """The pauses, as far as they lie within the phase."""
    spans: list[Span] = []
    began: datetime | None = None
    last = phase.ended_at or now
    events = phase.experiment.events.filter(kind__in=("pause", "resume", "stop")).order_by("at", "pk")
    for kind, at in (*events.values_list("kind", "at"), ("stop", last)):
        if kind == "pause":
            began = at
        elif began is not None:
            spans.append((max(began, phase.started_at), min(at, last)))
            began = None
    return [(begins, ends) for begins, ends in spans if begins < ends]
