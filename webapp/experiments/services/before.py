"""Which arms were used for people whom an experiment is not meant for any more, asked for once in some minutes.

Of an experiment that is for few, most people fail the conditions, and each of their turns would cost a query. Whom
another process exposes meanwhile, and who then fails again, waits for their arm until the next look.
"""

import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from webapp.accounts.models import User
from webapp.experiments.models import Exposure

KEPT_S = 600.0
MAX_REMEMBERED = 20_000


class _Known(NamedTuple):
    """When it was looked up, and the arm, if there was one."""

    at: float
    arm_id: int | None


_known: OrderedDict[tuple[UUID, int], _Known] = OrderedDict()
"""By person and phase, the oldest first."""


def arms_before(person: User, phase_ids: Collection[int], *, keeping: Collection[int] = ()) -> Mapping[int, int]:
    """By phase, the ids of the arms that were used for `person`, other than as a tester.

    In the phases that are `keeping` people where they are, that there was none is asked for each time: another process
    may have exposed them since, by other shares.
    """
    now = time.monotonic()
    known = {phase_id: _known.get((person.pk, phase_id)) for phase_id in phase_ids}
    arms = {
        phase_id: one.arm_id
        for phase_id, one in known.items()
        if one and now - one.at < KEPT_S and not (one.arm_id is None and phase_id in keeping)
    }
    if len(arms) < len(known):
        seen = Exposure.objects.filter(person=person, phase_id__in=phase_ids, is_forced=False)
        found = dict(seen.values_list("phase_id", "arm_id"))
        arms = {phase_id: found.get(phase_id) for phase_id in phase_ids}
        _remember(person, arms, now)
    return {phase_id: arm_id for phase_id, arm_id in arms.items() if arm_id is not None}


def forget(person: User, phase_ids: Collection[int]) -> None:
    """Something was written of them."""
    for phase_id in phase_ids:
        _known.pop((person.pk, phase_id), None)


def _remember(person: User, arms: Mapping[int, int | None], now: float) -> None:
    forget(person, arms)
    _known.update({(person.pk, phase_id): _Known(now, arm_id) for phase_id, arm_id in arms.items()})
    while len(_known) > MAX_REMEMBERED:
        _known.popitem(last=False)
