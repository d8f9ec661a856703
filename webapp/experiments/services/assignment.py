"""Which arms somebody gets. Hashes say it, and the picture of what runs; who fails a condition is asked for, once in
some minutes.

person ─ held out? ─▶ in no experiment, but as a tester
   │
   └─ each layer: slot 0…999 ─▶ whose is it? ─▶ is it meant for them, or were they in it before? ─▶ arm

Where the shares of the arms were shifted since it began, whoever was in it before keeps their arm.

While there is a holdout everybody is on one side of it, which is counted like an arm and changes nothing by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from assistant.experiments.bucketing import SPAN, choose, position
from webapp.accounts.models import User
from webapp.experiments.models import Holdout
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.services import running_experiments
from webapp.experiments.services.before import arms_before
from webapp.experiments.services.picture import Arm, Picture, Running
from webapp.experiments.services.targeting import Traits, is_meant_for, is_new_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """`phase_id` is None for a tester of a draft. `is_new`: the person came after the phase had begun."""

    phase_id: int | None
    arm_id: int
    experiment_key: str
    arm_key: str
    is_forced: bool = False
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One experiment that somebody is in, and the arm that is theirs."""

    experiment: Running
    arm: Arm
    is_forced: bool = False


def assign(person: User) -> tuple[Assigned, ...]:
    """The arms of `person` in all that runs now, in the order in which they have their way."""
    return tuple(assigned(place, person) for place in places(running_experiments.current(), person))


def slot_of(salt: str, person_id: UUID) -> int:
    """The slot of a person in the layer or holdout of this salt, 0 to 999."""
    return position(salt, str(person_id)) * SLOTS // SPAN


def is_held_out(picture: Picture, person: User) -> bool:
    holdout = picture.holdout
    return holdout is not None and slot_of(holdout.salt, person.pk) < holdout.share


def side_of(picture: Picture, person: User) -> Assigned | None:
    """The side of the holdout that somebody is on. Testers are in no result: they see what is nobody's yet."""
    sides = picture.holdout.sides if picture.holdout else None
    if sides is None:
        return None
    is_held = is_held_out(picture, person)
    return Assigned(
        phase_id=sides.phase_id,
        arm_id=sides.held_id if is_held else sides.others_id,
        experiment_key=sides.key,
        arm_key=Holdout.HELD if is_held else Holdout.OTHERS,
        is_forced=person.pk in picture.testers,
        is_new=person.date_joined >= sides.phase_started_at,
    )


def places(picture: Picture, person: User) -> tuple[Place, ...]:
    """Where the person takes part: first as a tester, then by the draw, what started first before what came later.

    An experiment that touches what one before it touches is left out, whichever arms the two have here: were it left
    out only beside some arms, those of the other would differ by more than what they change.
    """
    taken: set[str] = set()
    kept = []
    drawn = () if is_held_out(picture, person) else _drawn(picture, person)
    for place in (*_forced(picture, person), *drawn):
        if taken.isdisjoint(place.experiment.touches):
            taken |= place.experiment.touches
            kept.append(place)
    return tuple(kept)


def assigned(place: Place, person: User) -> Assigned:
    return Assigned(
        phase_id=place.experiment.phase_id,
        arm_id=place.arm.id,
        experiment_key=place.experiment.key,
        arm_key=place.arm.key,
        is_forced=place.is_forced,
        is_new=is_new_to(place.experiment, person),
    )


def _forced(picture: Picture, person: User) -> Iterator[Place]:
    if person.pk not in picture.testers:
        return
    for experiment in picture.experiments.values():
        key = experiment.forced.get(person.pk)
        if key is not None:
            yield Place(experiment=experiment, arm=experiment.arms[key], is_forced=True)


def _drawn(picture: Picture, person: User) -> Iterator[Place]:
    mine = {layer.slots[slot_of(layer.salt, person.pk)] for layer in picture.layers}
    # In the order of the picture, which is the order of their starts.
    meant = [experiment for experiment in picture.experiments.values() if experiment.id in mine and experiment.draw]
    meant = [experiment for experiment in meant if person.pk not in experiment.forced]
    traits = Traits(person)
    failing = [experiment for experiment in meant if not is_meant_for(experiment, traits)]
    now = timezone.now()
    shifted = [experiment for experiment in meant if experiment.was_shifted(now)]
    before = _arms_before([*failing, *(each for each in shifted if each not in failing)], person, shifted)
    for experiment in meant:
        if experiment.phase_id in before:
            yield Place(experiment=experiment, arm=before[experiment.phase_id])
        elif experiment not in failing:
            key = choose(experiment.salt, str(person.pk), experiment.draw_at(now))
            yield Place(experiment=experiment, arm=experiment.arms[key])


def _arms_before(experiments: Sequence[Running], person: User, shifted: Sequence[Running]) -> Mapping[int | None, Arm]:
    """By phase, the arms that were used for somebody whom these are not meant for any more, or would not draw alike."""
    if not experiments:
        return {}
    arms = {arm.id: arm for experiment in experiments for arm in experiment.arms.values()}
    phases = [experiment.phase_id for experiment in experiments if experiment.phase_id is not None]
    keeping = [experiment.phase_id for experiment in shifted if experiment.phase_id is not None]
    found = arms_before(person, phases, keeping=keeping)
    return {phase_id: arms[arm_id] for phase_id, arm_id in found.items() if arm_id in arms}
