"""The picture of what runs, kept in each process for seconds, so that assigning somebody asks nothing.

Whoever changes what runs calls `forget`. Other processes then see another version number in the shared cache, which
they look at about once a second; while Redis is away a picture serves for five seconds, whatever happened.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.core.cache import cache
from django.db import transaction
from django.db.models import Prefetch, Q

from assistant.experiments import bucketing
from webapp.experiments.models import (
    Allocation,
    Arm,
    Experiment,
    ForcedArm,
    Holdout,
    Layer,
    LayerSlot,
    Phase,
    ProductionChange,
    PromptLabel,
    PromptVersion,
)
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.services import picture
from webapp.experiments.services.picture import Changes, Picture, PictureHoldout, PictureLayer, Prompt, Running, Sides

KEPT_S = 5.0
LOOKED_AT_S = 1.0
VERSION_KEY = "running-experiments"


@dataclass(slots=True, kw_only=True)
class _Kept:
    picture: Picture
    version: str
    read_at: float
    looked_at: float


_kept: _Kept | None = None


def current() -> Picture:
    """What runs, at most a few seconds late."""
    global _kept
    kept, now = _kept, time.monotonic()
    if kept is not None and now - kept.looked_at < LOOKED_AT_S:
        return kept.picture
    version = cache.get(VERSION_KEY, "")
    if kept is None or kept.version != version or now - kept.read_at >= KEPT_S:
        # The version was looked at before the rows are read: a change in between is seen at the next look.
        kept = _Kept(picture=read(), version=version, read_at=now, looked_at=now)
    kept.looked_at = now
    _kept = kept
    return kept.picture


def forget() -> None:
    """Read anew: this process at once, the others when the change is committed and they look."""
    _drop()
    transaction.on_commit(_tell_others)


def _drop() -> None:
    global _kept
    _kept = None


def _tell_others() -> None:
    _drop()  # another thread may have read what was there before the commit
    cache.set(VERSION_KEY, uuid.uuid4().hex, None)


def read() -> Picture:
    """The picture of the rows as they are. The number of queries does not depend on how many experiments run."""
    experiments = [_running(row) for row in _rows()]
    return Picture(
        production=_production(),
        holdout=_holdout(),
        layers=_layers(),
        experiments={experiment.id: experiment for experiment in experiments},
        testers=frozenset(person for experiment in experiments for person in experiment.forced),
    )


def _rows() -> list[Experiment]:
    """What is paused is not there: it serves nobody, and its slots are nobody else's. Nor is that of the holdout."""
    is_running = Q(state=Experiment.State.RUNNING)
    is_tried = Q(state=Experiment.State.DRAFT, pk__in=ForcedArm.objects.values("experiment"))
    experiments = Experiment.objects.filter(is_running | is_tried, layer__isnull=False).order_by("started_at", "pk")
    rows = experiments.prefetch_related(
        Prefetch("arms", Arm.objects.select_related("prompt", "starters")),
        Prefetch("phases", Phase.objects.filter(ended_at__isnull=True).prefetch_related("allocations", "shares")),
        "segments",
        "forced",
    )
    return sorted(rows, key=lambda row: row.started_at is None)  # whether null comes first depends on the database


def _running(row: Experiment) -> Running:
    arms = {arm.pk: picture.Arm(id=arm.pk, key=arm.key, changes=Changes.of(arm)) for arm in row.arms.all()}
    phase = next(iter(row.phases.all()), None) if row.state == Experiment.State.RUNNING else None
    weights = {allocation.arm_id: allocation.weight for allocation in phase.allocations.all()} if phase else {}
    drawn = sorted((arms[arm_id].key, weight) for arm_id, weight in weights.items() if weight and arm_id in arms)
    return Running(
        id=row.pk,
        key=row.key,
        phase_id=phase.pk if phase else None,
        phase_started_at=phase.started_at if phase else None,
        salt=f"{row.key}:{phase.number}" if phase else "",
        arms={arm.key: arm for arm in arms.values()},
        draw=tuple(bucketing.Arm(key=key, weight=weight) for key, weight in drawn),
        touches=frozenset().union(*(arm.changes.names for arm in arms.values())),
        audience=row.audience,
        languages=frozenset(row.languages),
        devices=frozenset(row.devices),
        segments=frozenset(segment.pk for segment in row.segments.all()),
        forced={forced.person_id: arms[forced.arm_id].key for forced in row.forced.all()},
        only_new=phase is not None and phase.only_new,
        later=_later(phase, arms) if phase else (),
    )


def _later(phase: Phase, arms: Mapping[int, picture.Arm]) -> tuple[tuple[datetime, tuple[bucketing.Arm, ...]], ...]:
    """The shares of a bandit, from midnight to midnight."""
    weights: defaultdict[date, dict[str, int]] = defaultdict(dict)
    for share in phase.shares.all():
        weights[share.first_day][arms[share.arm_id].key] = share.weight
    return tuple(
        (
            datetime(day.year, day.month, day.day, tzinfo=UTC),
            tuple(bucketing.Arm(key=key, weight=weight) for key, weight in sorted(weights[day].items())),
        )
        for day in sorted(weights)
    )


def _production() -> Changes:
    change = ProductionChange.objects.select_related("starters").first()
    prompt = Prompt.of(PromptVersion.objects.filter(labels__name=PromptLabel.PRODUCTION).first())
    said = Changes.of(change) if change else Changes()
    return Changes(**{name: getattr(said, name) for name in said.names - {"prompt"}}, prompt=prompt)


def _holdout() -> PictureHoldout | None:
    row = Holdout.objects.select_related("prompt", "starters").filter(is_open=True).first()
    if row is None:
        return None
    return PictureHoldout(salt=str(row.salt), share=row.share, changes=Changes.of(row), sides=_sides(row))


def _sides(row: Holdout) -> Sides | None:
    period = Allocation.objects.filter(phase__experiment=row.experiment_id, phase__ended_at=None)
    arms = {each.arm.key: each for each in period.select_related("arm", "phase__experiment")}
    if not arms:
        return None
    phase = arms[Holdout.HELD].phase
    return Sides(
        key=phase.experiment.key,
        phase_id=phase.pk,
        phase_started_at=phase.started_at,
        held_id=arms[Holdout.HELD].arm_id,
        others_id=arms[Holdout.OTHERS].arm_id,
    )


def _layers() -> tuple[PictureLayer, ...]:
    slots: dict[int, list[int]] = defaultdict(lambda: [0] * SLOTS)
    taken = LayerSlot.objects.filter(experiment__state=Experiment.State.RUNNING).order_by()
    for layer_id, number, experiment_id in taken.values_list("layer_id", "number", "experiment_id"):
        slots[layer_id][number] = experiment_id
    layers = Layer.objects.filter(pk__in=slots)
    return tuple(PictureLayer(salt=str(layer.salt), slots=tuple(slots[layer.pk])) for layer in layers)
