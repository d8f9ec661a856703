"""The thousand slots of a layer: which experiment has which, and how one gets more of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.db import IntegrityError, transaction
from django.db.models import Count, F
from django.utils.translation import ngettext

from assistant.experiments.bucketing import position
from webapp.experiments.errors import NoRoom
from webapp.experiments.models import Experiment, Layer, LayerSlot
from webapp.experiments.models.experiments import SLOTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Who has the slots of a layer. `runs` are the slots [start, start + length) of one experiment each."""

    layer: Layer
    num_free: int
    shares: Sequence[tuple[Experiment, int]]
    runs: Sequence[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Overlap:
    """`share` of the people of any other layer have a slot of `other`; layers are drawn apart. Fewer are in it where it
    is not meant for all of them."""

    other: Experiment
    share: float


def num_free(layer: Layer | None) -> int:
    return SLOTS - layer.slots.count() if layer else 0


def num_free_by_layer() -> Mapping[int, int]:
    """By the layer's id."""
    layers = Layer.objects.annotate(num_taken=Count("slots")).order_by()
    return {pk: SLOTS - num_taken for pk, num_taken in layers.values_list("pk", "num_taken")}


@transaction.atomic
def take(experiment: Experiment, num: int) -> None:
    """Give `num` more free slots of its layer to the experiment, all of them or none. Raises NoRoom.

    Which of the free ones is drawn by the experiment's key, so that those of one experiment do not stand for another's.
    """
    assert experiment.layer_id is not None  # a holdout takes nobody from a layer
    layer = Layer.objects.select_for_update().get(pk=experiment.layer_id)
    taken = set(layer.slots.values_list("number", flat=True))
    free = [number for number in range(SLOTS) if number not in taken]
    if num > len(free):
        raise _no_room(len(free))
    drawn = sorted(free, key=lambda number: position(experiment.key, str(number)))[:num]
    try:
        with transaction.atomic():
            LayerSlot.objects.bulk_create(
                LayerSlot(layer=layer, number=number, experiment=experiment) for number in drawn
            )
    except IntegrityError as error:  # somebody wrote slots without the lock: the constraint has the last word
        raise _no_room(num_free(layer)) from error


def release(experiment: Experiment) -> None:
    """Its slots are free for others."""
    LayerSlot.objects.filter(experiment=experiment).delete()


def strips() -> Sequence[Strip]:
    """Every layer with what is in it."""
    slots = LayerSlot.objects.order_by("layer_id", "number").values_list("layer_id", "number", "experiment_id")
    by_layer = {layer_id: list(rows) for layer_id, rows in groupby(slots, key=lambda row: row[0])}
    experiments = Experiment.objects.in_bulk({row[2] for rows in by_layer.values() for row in rows})
    return [_strip(layer, by_layer.get(layer.pk, []), experiments) for layer in Layer.objects.all()]


def overlapping(experiment: Experiment) -> Sequence[Overlap]:
    """What has slots in another layer now, so that people can be in both; what began first comes first."""
    others = Experiment.objects.annotate(num_slots=Count("slots")).filter(num_slots__gt=0)
    others = others.exclude(layer=experiment.layer_id).order_by(F("started_at").asc(nulls_last=True), "pk")
    return [Overlap(each, each.num_slots / SLOTS) for each in others.prefetch_related("arms")]


def _strip(layer: Layer, rows: Sequence[tuple[int, int, int]], experiments: Mapping[int, Experiment]) -> Strip:
    owners = [0] * SLOTS
    for _layer, number, experiment_id in rows:
        owners[number] = experiment_id
    runs, start = [], 0
    for owner, run in groupby(owners):
        length = len(list(run))
        if owner:
            runs.append((start, length, owner))
        start += length
    shares = [(one, owners.count(pk)) for pk, one in experiments.items() if one.layer_id == layer.pk]
    return Strip(
        layer=layer,
        num_free=owners.count(0),
        shares=sorted(shares, key=lambda share: -share[1]),
        runs=runs,
    )


def _no_room(free: int) -> NoRoom:
    text = ngettext("The layer has %(num)d free slot.", "The layer has %(num)d free slots.", free) % {"num": free}
    return NoRoom(text, num_free=free)
