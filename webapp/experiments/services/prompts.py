"""Versions of the system prompt: written once, read by somebody else, and let into production or not."""

from contextlib import suppress

from django.db import IntegrityError, transaction
from django.db.models import Max

from assistant import prompt_text
from webapp.accounts.models import User
from webapp.experiments.models import PromptVersion
from webapp.experiments.services import approvals
from webapp.moderation.services import audit

APPROVES = "experiments.approve_promptversion"
SUBJECT = "prompt"
NUM_RETRIES = 3


class DuplicatePrompt(ValueError):
    """There is a version of exactly this text."""

    def __init__(self, version: PromptVersion) -> None:
        super().__init__(f"prompt {version.number} has this text")
        self.version = version


def create(text: str, *, note: str, author: User | None, based_on: PromptVersion | None = None) -> PromptVersion:
    """A new version that nothing uses yet. Raises PromptTextError, or DuplicatePrompt."""
    text = as_kept(text)
    prompt_text.check(text)
    for _attempt in range(NUM_RETRIES):
        # Somebody may save another one at the same instant.
        with suppress(IntegrityError):
            return _create(text, note=note, author=author, based_on=based_on)
    return _create(text, note=note, author=author, based_on=based_on)


@transaction.atomic
def _create(text: str, *, note: str, author: User | None, based_on: PromptVersion | None) -> PromptVersion:
    """Numbers count up; of two at once, one meets the other in the unique column: IntegrityError."""
    content_hash = prompt_text.content_hash(text)
    existing = PromptVersion.objects.filter(content_hash=content_hash).first()
    if existing is not None:
        raise DuplicatePrompt(existing)
    highest = PromptVersion.objects.aggregate(highest=Max("number"))["highest"] or 0
    version = PromptVersion.objects.create(
        number=highest + 1, content_hash=content_hash, text=text, note=note, author=author, based_on=based_on
    )
    audit.record(author, "write_prompt", subject_type=SUBJECT, subject_ref=version.number, reason=note)
    return version


def as_kept(text: str) -> str:
    """Without space around it, and with the ends of lines that a text has and a form has not."""
    return text.replace("\r\n", "\n").strip()


@transaction.atomic
def approve(version: PromptVersion, *, by: User, note: str = "") -> None:
    """Let it into production. Raises OwnWork if `by` wrote it and a colleague could approve it."""
    approval = approvals.approve(version, by=by, note=note, permission=APPROVES)
    details = approvals.details(approval)
    audit.record(by, "approve_prompt", subject_type=SUBJECT, subject_ref=version.number, reason=note, details=details)


@transaction.atomic
def reject(version: PromptVersion, *, by: User, note: str) -> None:
    """Keep it out of production from now on; one that is there stays until it is replaced. What runs with it is the
    business of `rejecting`."""
    approvals.reject(version, by=by, note=note)
    audit.record(by, "reject_prompt", subject_type=SUBJECT, subject_ref=version.number, reason=note)


def is_approved(version: PromptVersion) -> bool:
    return approvals.is_approved(version)
