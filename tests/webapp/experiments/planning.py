"""Drafts that are ready to start."""

from collections.abc import Mapping
from typing import Any

from tests.webapp.experiments import making
from webapp.experiments.models import Experiment, ExperimentMetric, Layer, Metric, RampStep

TWO: Mapping[str, Mapping[str, Any]] = {"a": {}, "b": {"temperature": 0.9}}


def ready(
    key: str = "tone", arms: Mapping[str, Mapping[str, Any]] = TWO, *, layer: Layer | None = None, **fields: Any
) -> Experiment:
    """With nothing missing of what is required."""
    experiment = making.draft(key, arms, layer=layer, **fields)
    measure(experiment, "kept_rate", ExperimentMetric.Role.GOAL, margin=0.05)
    measure(experiment, "reports", ExperimentMetric.Role.GUARDRAIL, margin=0.005)
    return experiment


def measure(experiment: Experiment, metric: str, role: str, *, margin: float) -> None:
    ExperimentMetric.objects.create(
        experiment=experiment, metric=Metric.objects.get(key=metric), role=role, margin=margin
    )


def ramp(experiment: Experiment, *steps: tuple[int, int]) -> None:
    """Slots with hours."""
    RampStep.objects.bulk_create(
        RampStep(experiment=experiment, number=number, slots=slots, hours=hours)
        for number, (slots, hours) in enumerate(steps, start=1)
    )


def kinds(experiment: Experiment) -> list[str]:
    """Of its events, oldest first."""
    return list(experiment.events.order_by("pk").values_list("kind", flat=True))
