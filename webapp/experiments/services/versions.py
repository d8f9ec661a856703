"""Versions are numbered, written once and recorded; what one says already is no other one."""

from contextlib import suppress
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from webapp.accounts.models import User
from webapp.experiments.models.versions import Version
from webapp.moderation.services import audit

NUM_RETRIES = 3
V = TypeVar("V", bound=Version)


class Duplicate(ValueError):
    """There is a version that says exactly this."""

    def __init__(self, version: Version) -> None:
        super().__init__(f"{version} says this")
        self.version = version


def write(same: QuerySet[V], *, note: str, author: User | None, **says: Any) -> V:
    """A new version that serves nobody yet. Raises Duplicate where one is among the `same`."""
    for _attempt in range(NUM_RETRIES):
        # Somebody may save another one at the same instant.
        with suppress(IntegrityError):
            return _write(same, note=note, author=author, **says)
    return _write(same, note=note, author=author, **says)


@transaction.atomic
def _write(same: QuerySet[V], *, note: str, author: User | None, **says: Any) -> V:
    """Numbers count up; of two at once, one meets the other in the unique column: IntegrityError."""
    if (existing := same.first()) is not None:
        raise Duplicate(existing)
    every = same.model._default_manager
    highest = every.aggregate(highest=Max("number"))["highest"] or 0
    version = every.create(number=highest + 1, note=note, author=author, **says)
    subject = version.subject
    audit.record(author, f"write_{subject}", subject_type=subject, subject_ref=version.number, reason=note)
    return version
