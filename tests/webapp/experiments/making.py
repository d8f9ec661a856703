"""Experiments as rows, in the state a test begins with, without the services that bring them there."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from assistant.prompt_text import content_hash
from webapp.experiments.models import Allocation, Arm, Experiment, Layer, LayerSlot, Phase, PromptLabel, PromptVersion
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.services import running_experiments

DAY = timedelta(days=1)


def prompt(text: str) -> PromptVersion:
    number = PromptVersion.objects.count() + 1
    return PromptVersion.objects.create(number=number, text=text, content_hash=content_hash(text), note="For a test")


def in_production(text: str) -> PromptVersion:
    version = prompt(text)
    PromptLabel.objects.update_or_create(name=PromptLabel.PRODUCTION, defaults={"version": version})
    running_experiments.forget()
    return version


def draft(key: str, arms: Mapping[str, Mapping[str, Any]], *, layer: Layer | None = None, **fields: Any) -> Experiment:
    """The first arm is the control."""
    layer = layer or Layer.objects.create(name=key)
    experiment = Experiment.objects.create(key=key, name=key, hypothesis="It is better.", layer=layer, **fields)
    for number, (arm_key, changes) in enumerate(arms.items()):
        Arm.objects.create(experiment=experiment, key=arm_key, name=arm_key, is_control=number == 0, **changes)
    running_experiments.forget()
    return experiment


def running(
    key: str,
    arms: Mapping[str, Mapping[str, Any]],
    *,
    slots: Sequence[int] = range(SLOTS),
    weights: Mapping[str, int] | None = None,
    started_at: datetime | None = None,
    layer: Layer | None = None,
    **fields: Any,
) -> Experiment:
    """Started a day ago if nothing is said of it, with these slots of its layer."""
    experiment = draft(key, arms, layer=layer, **fields)
    experiment.state, experiment.started_at = Experiment.State.RUNNING, started_at or timezone.now() - DAY
    experiment.save()
    begin_phase(experiment, number=1, weights=weights)
    take_slots(experiment, slots)
    return experiment


def begin_phase(experiment: Experiment, *, number: int, weights: Mapping[str, int] | None = None) -> Phase:
    experiment.phases.filter(ended_at=None).update(ended_at=timezone.now())
    assert experiment.started_at is not None
    phase = Phase.objects.create(experiment=experiment, number=number, started_at=experiment.started_at)
    for arm in experiment.arms.all():
        Allocation.objects.create(phase=phase, arm=arm, weight=(weights or {}).get(arm.key, 1))
    running_experiments.forget()
    return phase


def take_slots(experiment: Experiment, slots: Sequence[int]) -> None:
    LayerSlot.objects.bulk_create(
        LayerSlot(layer=experiment.layer, number=number, experiment=experiment) for number in slots
    )
    running_experiments.forget()


def state(experiment: Experiment, state: str) -> None:
    experiment.state = state
    experiment.save(update_fields=["state"])
    running_experiments.forget()
