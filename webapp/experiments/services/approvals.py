"""Four eyes: what goes into production was read by somebody else than whoever wrote it."""

from typing import Any

from django.db import transaction

from webapp.accounts.models import User
from webapp.experiments.models.versions import Version
from webapp.moderation.services import audit
from webapp.moderation.services.four_eyes import able_to


class OwnWork(ValueError):
    """Whoever wrote something does not approve it, while somebody else could."""


@transaction.atomic
def approve(version: Version, *, by: User, note: str = "") -> None:
    """Let it into production. Raises OwnWork if `by` wrote it and a colleague could approve it."""
    is_alone = is_own(version, by)
    if is_alone and has_colleague(by, version.permission("approve")):
        raise OwnWork
    version.approvals.create(by=by, note=note, is_approved=True, was_alone=is_alone)
    _record(version, "approve", by=by, note=note, details={"was_alone": True} if is_alone else {})


@transaction.atomic
def reject(version: Version, *, by: User, note: str) -> None:
    """Keep it out of production from now on; what is there stays until it is replaced. What runs with a prompt is the
    business of `rejecting`."""
    version.approvals.create(by=by, note=note, is_approved=False)
    _record(version, "reject", by=by, note=note)


def is_approved(version: Version) -> bool:
    """What was said last is what counts."""
    last = version.approvals.order_by("created_at", "pk").last()
    return last is not None and last.is_approved


def is_own(version: Version, person: User) -> bool:
    return version.author_id == person.pk


def has_colleague(person: User, permission: str) -> bool:
    """Whether somebody else could do it."""
    return able_to(permission).exclude(pk=person.pk).exists()


def _record(version: Version, act: str, *, by: User, note: str, details: dict[str, Any] | None = None) -> None:
    subject = version.subject
    audit.record(
        by, f"{act}_{subject}", subject_type=subject, subject_ref=version.number, reason=note, details=details or {}
    )
