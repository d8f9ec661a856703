"""Experiments as they are planned: written, changed until they start, copied, thrown away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from webapp.accounts.models import User
from webapp.experiments.models import (
    Arm,
    Experiment,
    ExperimentMetric,
    Metric,
    RampStep,
    Segment,
)
from webapp.experiments.models.serving import SETTINGS
from webapp.experiments.services import life, running_experiments

MAX_ARMS = 4
ARM_KEYS = "abcdefgh"[:MAX_ARMS]
OF_THE_PLAN = (
    *("name", "hypothesis", "layer", "traffic", "planned_days", "alpha", "audience", "languages", "devices"),
    *("starts_at", "stops_at", "rolls_back", "is_bandit", "floor"),
)
OF_AN_ARM = ("name", "weight", "prompt", *SETTINGS, "shadow_policy")
_KEY_CHARS = Experiment._meta.get_field("key").max_length or 40

Ramp = Sequence[tuple[float, int]]
RAMPS: Mapping[str, Ramp] = {
    "": (),
    "careful": ((0.01, 48), (0.1, 48), (0.5, 48), (1.0, 24)),
    "quick": ((0.1, 48), (1.0, 24)),
}
"""Shares of the traffic, each with the hours until the next one: two days, as the windows of guardrails are one, and
whoever came on the first day has to be counted before a step is taken on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric, what it is for, and its margin as `ExperimentMetric` has it."""

    metric: Metric
    role: str
    margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    fields   of the experiment, those of `OF_THE_PLAN`
    arms     the fields of each, those of `OF_AN_ARM`; the first is the control
    ramp     shares of the traffic, each with its hours: one of `RAMPS`, or others
    """

    fields: Mapping[str, Any]
    segments: Sequence[Segment]
    arms: Sequence[Mapping[str, Any]]
    metrics: Sequence[Measured]
    ramp: Ramp


@transaction.atomic
def create(plan: Plan, *, owner: User) -> Experiment:
    """A draft that nobody is in."""
    experiment = Experiment.objects.create(**plan.fields, key=key_for(plan.fields["name"]), owner=owner)
    _write(experiment, plan)
    life.note(experiment, "create", by=owner)
    return experiment


@transaction.atomic
def change(experiment: Experiment, plan: Plan, *, by: User) -> Experiment:
    """Another plan for a draft. Raises CannotChange once it has been started."""
    experiment = life.locked(experiment, Experiment.State.DRAFT)
    for name, value in plan.fields.items():
        setattr(experiment, name, value)
    experiment.save(update_fields=list(plan.fields))
    _write(experiment, plan)
    life.note(experiment, "change", by=by)
    running_experiments.forget()
    return experiment


@transaction.atomic
def amend(
    experiment: Experiment, *, name: str, owner: User | None, planned_days: int, stops_at: datetime | None, by: User
) -> Experiment:
    """What may still be changed of an experiment that is under way: nothing of who is in it or what they get."""
    experiment = life.locked(experiment, *life.UNDER_WAY)
    after = {"name": name, "owner": owner, "planned_days": planned_days, "stops_at": stops_at}
    changed = sorted(field for field, value in after.items() if getattr(experiment, field) != value)
    for field, value in after.items():
        setattr(experiment, field, value)
    experiment.save(update_fields=list(after))
    life.note(experiment, "amend", by=by, details={"fields": changed})
    return experiment


@transaction.atomic
def copy(experiment: Experiment, *, by: User) -> Experiment:
    """The same again as a draft: without schedule, testers and people, of whom other slots and arms will be drawn."""
    fields = {name: getattr(experiment, name) for name in OF_THE_PLAN if name not in ("starts_at", "stops_at")}
    fields["name"] = f"{experiment.name[:110]} (copy)"
    copied = Experiment.objects.create(**fields, key=key_for(experiment.name), owner=by)
    copied.segments.set(experiment.segments.all())
    for arm in experiment.arms.all():
        Arm.objects.create(experiment=copied, key=arm.key, is_control=arm.is_control, **_fields_of(arm))
    for each in experiment.metrics.all():
        ExperimentMetric.objects.create(experiment=copied, metric_id=each.metric_id, role=each.role, margin=each.margin)
    for step in experiment.ramp.all():
        RampStep.objects.create(experiment=copied, number=step.number, slots=step.slots, hours=step.hours)
    life.note(copied, "create", by=by, details={"copy_of": experiment.key})
    return copied


@transaction.atomic
def discard(experiment: Experiment) -> None:
    """A draft that will not be. Raises CannotChange once it has been started."""
    life.locked(experiment, Experiment.State.DRAFT).delete()
    running_experiments.forget()


def key_for(name: str) -> str:
    """A key that no experiment has yet: arms are drawn by it, so two of them must not share one."""
    base = slugify(name)[: _KEY_CHARS - 4] or "experiment"
    taken = set(Experiment.objects.filter(key__startswith=base).values_list("key", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(key for key in numbered if key not in taken)


def ramp_of(experiment: Experiment) -> Ramp:
    """The steps that a plan of it has, as one of `RAMPS` where they come to the same."""
    steps = list(experiment.ramp.order_by("number").values_list("slots", "hours"))
    known = (ramp for ramp in RAMPS.values() if _steps(ramp, experiment.traffic) == steps)
    return next(known, [(round(slots / experiment.traffic, 4), hours) for slots, hours in steps])


def _fields_of(arm: Arm) -> dict[str, Any]:
    return {name: getattr(arm, name) for name in OF_AN_ARM}


def _write(experiment: Experiment, plan: Plan) -> None:
    experiment.segments.set(plan.segments)
    keys = ARM_KEYS[: len(plan.arms)]
    experiment.arms.exclude(key__in=list(keys)).delete()
    for key, fields in zip(keys, plan.arms, strict=True):
        values = {**fields, "is_control": key == ARM_KEYS[0]}
        Arm.objects.update_or_create(experiment=experiment, key=key, defaults=values)
    experiment.metrics.all().delete()
    ExperimentMetric.objects.bulk_create(
        ExperimentMetric(experiment=experiment, metric=each.metric, role=each.role, margin=each.margin)
        for each in plan.metrics
    )
    experiment.ramp.all().delete()
    RampStep.objects.bulk_create(
        RampStep(experiment=experiment, number=number, slots=slots, hours=hours)
        for number, (slots, hours) in enumerate(_steps(plan.ramp, experiment.traffic), start=1)
    )


def _steps(ramp: Ramp, traffic: int) -> list[tuple[int, int]]:
    return [(max(1, round(share * traffic)), hours) for share, hours in ramp]
