"""How an answer is made for somebody: production, or the holdout's way, and over it the arms they are in."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.experiments.models import Arm, ForcedArm, Phase, PromptVersion
from webapp.experiments.services import exposures, running_experiments
from webapp.experiments.services.assignment import Assigned, Place, assigned, is_held_out, places
from webapp.experiments.services.picture import BUILT_IN, Changes, Ideas, Picture, Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What is decided for a turn or a page. None: as the settings have it; no `endpoint`: the usual server.

    system_prompt   as it was written, its variables not filled in
    prompt_version  its content hash
    starters        ideas that take the place of the built-in ones
    assigned        the arms to be recorded by whoever uses this
    """

    system_prompt: str
    prompt_version: str
    temperature: float | None = None
    top_p: float | None = None
    max_reply_tokens: int | None = None
    num_passages: int | None = None
    endpoint: str = ""
    starters: Ideas | None = None
    assigned: tuple[Assigned, ...] = ()

    @property
    def arm(self) -> str:
        """As `Reply.arm` holds it."""
        return ARM_SEPARATOR.join(f"{one.experiment_key}:{one.arm_key}" for one in self.assigned)


ARM_SEPARATOR = ", "


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
    return _served(_changes(picture, person, mine), tuple(assigned(place, person) for place in mine))


def for_page(person: User | None) -> Served:
    """What a page shows before anything is sent. Of its arms, those are named that it shows something of."""
    picture = running_experiments.current()
    if person is None:
        return _served(picture.production)
    mine = places(picture, person)
    shown = tuple(assigned(place, person) for place in mine if place.experiment.shows_starters)
    return _served(_changes(picture, person, mine), shown)


def note_page(person: User | None) -> None:
    """The page is shown: what differs on it was used. Who has no row yet is shown what is in production."""
    if person is not None and not person.is_suspended:
        exposures.record(person, for_page(person).assigned, at=timezone.now())


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


def _served(changes: Changes, arms: tuple[Assigned, ...] = ()) -> Served:
    prompt = changes.prompt or BUILT_IN
    return Served(
        system_prompt=prompt.text,
        prompt_version=prompt.content_hash,
        temperature=changes.temperature,
        top_p=changes.top_p,
        max_reply_tokens=changes.max_reply_tokens,
        num_passages=changes.num_passages,
        endpoint=changes.endpoint or "",
        starters=changes.starters,
        assigned=arms,
    )


def _as_noted(reply: Reply, picture: Picture) -> Served:
    """From the rows, for the experiment may be over. In place of a prompt that is gone there is the built-in one."""
    arms = []
    changes = _below(picture, reply.conversation.owner, bool(reply.arm))
    for pair in filter(None, reply.arm.split(ARM_SEPARATOR)):
        experiment_key, _colon, arm_key = pair.partition(":")
        found = Arm.objects.select_related("prompt", "starters").filter(experiment__key=experiment_key, key=arm_key)
        arm = found.first()
        if arm is not None:
            changes = Changes.of(arm).over(changes)
            arms.append(_noted(reply, arm, experiment_key))
    version = PromptVersion.objects.filter(content_hash=reply.prompt_version).first()
    noted = Changes(prompt=Prompt.of(version) or BUILT_IN)
    return _served(noted.over(changes), tuple(arms))


def _noted(reply: Reply, arm: Arm, experiment_key: str) -> Assigned:
    person = reply.conversation.owner
    phases = Phase.objects.filter(experiment=arm.experiment_id, started_at__lte=reply.created_at)
    phase = phases.order_by("number").last()
    return Assigned(
        phase_id=phase.pk if phase else None,
        arm_id=arm.pk,
        experiment_key=experiment_key,
        arm_key=arm.key,
        is_forced=ForcedArm.objects.filter(arm=arm, person=person).exists(),
        is_new=phase is not None and person.date_joined >= phase.started_at,
    )
