"""Who saw which arm, written when it is used. The first one counts; another one later marks the row."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import F

from webapp.accounts.models import User
from webapp.accounts.services.language import language_of
from webapp.experiments.models import Exposure, ForcedArm
from webapp.experiments.services.assignment import Assigned
from webapp.experiments.services.before import forget

MAX_REMEMBERED = 20_000

_Key = tuple[UUID, int | None, int, bool]
_written: OrderedDict[_Key, None] = OrderedDict()
"""What this process has written and need not ask for again: person, phase, arm, whether forced; the oldest first."""


def record(person: User, assigned: Sequence[Assigned], *, at: datetime) -> None:
    """Note that these arms were used for `person`. May be called again, by several at once, and late.

    A draft has no phase, so its testers are in no record. Nor is a guest who has logged in meanwhile: the member is,
    from their next turn on.
    """
    new = {one.phase_id: one for one in assigned if one.phase_id is not None and _key(person, one) not in _written}
    if not new:
        return
    rows = [_row(person, phase_id, one, at) for phase_id, one in new.items()]
    with transaction.atomic():
        # Turns of one person wait for each other here, so that each sees what the one before has written.
        if User.objects.select_for_update(no_key=True).filter(pk=person.pk).first() is None:
            return
        Exposure.objects.bulk_create(rows, ignore_conflicts=True)
        for row in rows:
            other = Exposure.objects.filter(person=person, phase_id=row.phase_id).exclude(arm_id=row.arm_id)
            other.update(is_mixed=True, is_forced=True if row.is_forced else F("is_forced"))
        transaction.on_commit(partial(_remember, person, list(new.values())))


def absorb(guest: User, *, into: User) -> None:
    """Make room in `into` for what the guest was part of: where the account was in the same phase itself, that stays,
    marked if the arm was another, and the guest's row goes. The rest is the caller's to move."""
    User.objects.select_for_update().get(pk=into.pk)  # nothing of theirs is recorded until all has been moved
    theirs = {exposure.phase_id: exposure for exposure in Exposure.objects.filter(person=into)}
    for exposure in Exposure.objects.filter(person=guest, phase__in=theirs):
        kept = theirs[exposure.phase_id]
        if exposure.is_mixed or exposure.arm_id != kept.arm_id:
            Exposure.objects.filter(pk=kept.pk).update(is_mixed=True)
        exposure.delete()
    ForcedArm.objects.filter(person=guest, experiment__forced__person=into).delete()


def _row(person: User, phase_id: int, one: Assigned, at: datetime) -> Exposure:
    return Exposure(
        phase_id=phase_id,
        arm_id=one.arm_id,
        person=person,
        at=at,
        language=language_of(person),
        device=person.device,
        is_guest=person.is_guest,
        is_new=one.is_new,
        is_forced=one.is_forced,
    )


def _key(person: User, one: Assigned) -> _Key:
    return person.pk, one.phase_id, one.arm_id, one.is_forced


def _remember(person: User, written: Sequence[Assigned]) -> None:
    forget(person, [one.phase_id for one in written if one.phase_id is not None])
    for one in written:
        _written[_key(person, one)] = None
    while len(_written) > MAX_REMEMBERED:
        _written.popitem(last=False)
