"""How an answer is made for somebody: production, or the holdout's way, and over it the arms they are in."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.experiments.models import Arm, ForcedArm, Phase, PromptVersion
from webapp.experiments.models.serving import NUMBERS
from webapp.experiments.services import exposures, running_experiments
from webapp.experiments.services.assignment import Assigned, Place, assigned, is_held_out, places, side_of
from webapp.experiments.services.picture import BUILT_IN, Changes, Ideas, Picture, Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What is decided for a turn or a page. None: as the settings have it; no `endpoint`: the usual server.

    system_prompt   as it was written, its variables not filled in
    prompt_version  its content hash
    starters        ideas that take the place of the built-in ones
    assigned        the arms that it comes from
    side            the side of the holdout it is counted on
    """

    system_prompt: str
    prompt_version: str
    temperature: float | None = None
    top_p: float | None = None
    max_reply_tokens: int | None = None
    num_passages: int | None = None
    passage_tokens: int | None = None
    min_similarity: float | None = None
    similarity_to_best: float | None = None
    passages_per_document: int | None = None
    endpoint: str = ""
    starters: Ideas | None = None
    assigned: tuple[Assigned, ...] = ()
    side: Assigned | None = None

    @property
    def exposed(self) -> tuple[Assigned, ...]:
        """What is to be recorded by whoever uses this."""
        return (*self.assigned, self.side) if self.side else self.assigned

    @property
    def arm(self) -> str:
        """As `Reply.arm` holds it, with the phase in which each was assigned."""
        return ARM_SEPARATOR.join(map(_written, self.assigned))


ARM_SEPARATOR, PHASE_SIGN = ", ", "#"


def for_turn(reply: Reply) -> Served:
    """What `reply` is made with. What an earlier attempt has noted in it stands, whatever runs now.

    A temporary chat is not kept, so nothing could be measured of it: it gets what is in production.
    """
    picture = running_experiments.current()
    if reply.conversation.is_temporary:
        return _served(picture.production)
    return _as_noted(reply, picture) if reply.prompt_version else for_next_turn(reply.conversation.owner)


def for_next_turn(person: User) -> Served:
    """What the next answer to `person` would be made with. Starters are shown before it, and are no part of it."""
    picture = running_experiments.current()
    mine = tuple(place for place in places(picture, person) if not place.experiment.is_of_starters)
    arms = tuple(assigned(place, person) for place in mine)
    return _served(_changes(picture, person, mine), arms, side_of(picture, person))


def for_page(person: User | None) -> Served:
    """What a page shows before anything is sent. Of its arms, those are named that it shows something of; the side of
    the holdout where the two are shown other ideas."""
    picture = running_experiments.current()
    if person is None:
        return _served(picture.production)
    mine = places(picture, person)
    shown = tuple(assigned(place, person) for place in mine if place.experiment.shows_starters)
    kept = picture.holdout.changes if picture.holdout else picture.production
    side = side_of(picture, person) if kept.starters != picture.production.starters else None
    return _served(_changes(picture, person, mine), shown, side)


def note_page(person: User | None) -> None:
    """The page is shown: what differs on it was used. Who has no row yet is shown what is in production."""
    if person is not None and not person.is_suspended:
        exposures.record(person, for_page(person).exposed, at=timezone.now())


def in_production() -> Served:
    """What everybody gets who is in no experiment and not held out."""
    return _served(running_experiments.current().production)


def _changes(picture: Picture, person: User, mine: Sequence[Place]) -> Changes:
    """The arms, no two of which change the same thing, over production or over what the held out keep."""
    return reduce(lambda so_far, place: place.arm.changes.over(so_far), mine, _below(picture, person, bool(mine)))


def _below(picture: Picture, person: User, has_arms: bool) -> Changes:
    """Who is held out and has an arm is its tester, and shall see it as it would be."""
    is_kept = not has_arms and is_held_out(picture, person)
    return picture.holdout.changes if picture.holdout and is_kept else picture.production


def _served(changes: Changes, arms: tuple[Assigned, ...] = (), side: Assigned | None = None) -> Served:
    prompt = changes.prompt or BUILT_IN
    return Served(
        system_prompt=prompt.text,
        prompt_version=prompt.content_hash,
        **{name: getattr(changes, name) for name in NUMBERS},
        endpoint=changes.endpoint or "",
        starters=changes.starters,
        assigned=arms,
        side=side,
    )


def _as_noted(reply: Reply, picture: Picture) -> Served:
    """From the rows, for the experiment may be over. In place of a prompt that is gone there is the built-in one."""
    arms = []
    changes = _below(picture, reply.conversation.owner, bool(reply.arm))
    for pair in filter(None, reply.arm.split(ARM_SEPARATOR)):
        experiment_key, _colon, rest = pair.partition(":")
        arm_key, _sign, phase_id = rest.partition(PHASE_SIGN)
        found = Arm.objects.select_related("prompt", "starters").filter(experiment__key=experiment_key, key=arm_key)
        arm = found.first()
        if arm is not None:
            changes = Changes.of(arm).over(changes)
            arms.append(_noted(reply, arm, experiment_key, phase_id))
    version = PromptVersion.objects.filter(content_hash=reply.prompt_version).first()
    noted = Changes(prompt=Prompt.of(version) or BUILT_IN)
    return _served(noted.over(changes), tuple(arms), side_of(picture, reply.conversation.owner))


def _written(one: Assigned) -> str:
    phase = "" if one.phase_id is None else f"{PHASE_SIGN}{one.phase_id}"
    return f"{one.experiment_key}:{one.arm_key}{phase}"


def _noted(reply: Reply, arm: Arm, experiment_key: str, phase_id: str) -> Assigned:
    """Of the phase in which it was assigned, whichever runs by now."""
    person = reply.conversation.owner
    phase = Phase.objects.filter(experiment=arm.experiment_id, pk=phase_id).first() if phase_id else None
    return Assigned(
        phase_id=phase.pk if phase else None,
        arm_id=arm.pk,
        experiment_key=experiment_key,
        arm_key=arm.key,
        is_forced=ForcedArm.objects.filter(arm=arm, person=person).exists(),
        is_new=phase is not None and person.date_joined >= phase.started_at,
    )
