"""Four eyes: what goes into production was read by somebody else than whoever wrote it."""

from webapp.accounts.models import User
from webapp.experiments.models import PromptApproval, PromptVersion, SettingsApproval, SettingsVersion
from webapp.moderation.services.four_eyes import able_to

Version = PromptVersion | SettingsVersion
Approval = PromptApproval | SettingsApproval


class OwnWork(ValueError):
    """Whoever wrote something does not approve it, while somebody else could."""


def approve(version: Version, *, by: User, note: str, permission: str) -> Approval:
    """Let it into production. Raises OwnWork if `by` wrote it and somebody else holds the `permission` to approve."""
    is_alone = is_own(version, by)
    if is_alone and has_colleague(by, permission):
        raise OwnWork
    return version.approvals.create(by=by, note=note, is_approved=True, was_alone=is_alone)


def reject(version: Version, *, by: User, note: str) -> Approval:
    """Keep it out of production from now on; what is there stays until it is replaced."""
    return version.approvals.create(by=by, note=note, is_approved=False)


def is_approved(version: Version) -> bool:
    """What was said last is what counts."""
    last = version.approvals.order_by("created_at", "pk").last()
    return last is not None and last.is_approved


def is_own(version: Version, person: User) -> bool:
    return version.author_id == person.pk


def has_colleague(person: User, permission: str) -> bool:
    """Whether somebody else could approve."""
    return able_to(permission).exclude(pk=person.pk).exists()


def details(approval: Approval) -> dict[str, bool]:
    """What the record says of it besides who and why."""
    return {"was_alone": True} if approval.was_alone else {}
