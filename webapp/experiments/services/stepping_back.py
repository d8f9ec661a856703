"""What was in production, step by step, and what it goes back to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from webapp.experiments.models.versions import Version
from webapp.experiments.services import approvals

T = TypeVar("T")


class NotApproved(ValueError):
    """Nobody has let this version into production, or somebody has taken that back."""


class ChangedMeanwhile(ValueError):
    """Production is not what whoever asked was looking at."""


class NothingBefore(ValueError):
    """There is nothing that production could go back to."""


class Change(Protocol):
    """A row of what became of production."""

    is_rollback: bool


C = TypeVar("C", bound=Change)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[T]):
    """What was in production at a time, and the version that said so, if it was one. `rests_on` also is that version
    where something was shipped on top of it."""

    what: T
    version: Any = None
    rests_on: Version | None = None

    @property
    def is_allowed(self) -> bool:
        return self.rests_on is None or approvals.is_approved(self.rests_on)


def steps(changes: Iterable[C], *, began: Step[T], step_of: Callable[[C, Step[T]], Step[T]]) -> Sequence[Step[T]]:
    """Oldest first, without what was taken back. `step_of` says what a change came to on top of the step before."""
    found = [began]
    for change in changes:
        step = step_of(change, found[-1])
        if not change.is_rollback:
            found.append(step)
            continue
        found.pop()
        while found[-1].what != step.what:
            found.pop()
    return found


def before(so_far: Sequence[Step[T]]) -> Step[T]:
    """What a rollback leads to. Raises NothingBefore.

    After a rollback another one leads further back, not forth again. What was rejected since is passed over.
    """
    *earlier, current = so_far
    for step in reversed(earlier):
        if step.what != current.what and step.is_allowed:
            return step
    raise NothingBefore


def check_approved(version: Version) -> None:
    """Raises NotApproved, with the version."""
    if not approvals.is_approved(version):
        raise NotApproved(version)


def check_seen(seen: int, now: int) -> None:
    """Raises ChangedMeanwhile, so that asking twice goes back once, and nothing is undone unseen."""
    if seen != now:
        raise ChangedMeanwhile
