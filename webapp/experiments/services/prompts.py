"""Versions of the system prompt: written once, read by somebody else, and let into production or not."""

from contextlib import suppress

from django.db import IntegrityError, transaction
from django.db.models import Max

from assistant import prompt_text
from webapp.accounts.models import User
from webapp.experiments.models import PromptApproval, PromptVersion
from webapp.moderation.services import audit
from webapp.moderation.services.four_eyes import able_to

APPROVES = "experiments.approve_promptversion"
SUBJECT = "prompt"
NUM_RETRIES = 3


class DuplicatePrompt(ValueError):
    """There is a version of exactly this text."""

    def __init__(self, version: PromptVersion) -> None:
        super().__init__(f"prompt {version.number} has this text")
        self.version = version


class OwnPrompt(ValueError):
    """Whoever wrote a prompt does not approve it, while somebody else could."""


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
def approve(version: PromptVersion, *, by: User, note: str = "") -> PromptApproval:
    """Let it into production. Raises OwnPrompt if `by` wrote it and a colleague could approve it."""
    is_own = is_own_prompt(version, by)
    if is_own and has_colleague(by):
        raise OwnPrompt
    return _judge(version, by=by, note=note, is_approved=True, was_alone=is_own)


@transaction.atomic
def reject(version: PromptVersion, *, by: User, note: str) -> PromptApproval:
    """Keep it out of production from now on; one that is there stays until it is replaced. What runs with it is the
    business of `rejecting`."""
    return _judge(version, by=by, note=note, is_approved=False)


def is_approved(version: PromptVersion) -> bool:
    """What was said last is what counts."""
    last = version.approvals.order_by("created_at", "pk").last()
    return last is not None and last.is_approved


def is_own_prompt(version: PromptVersion, person: User) -> bool:
    return version.author_id == person.pk


def has_colleague(person: User) -> bool:
    """Whether somebody else could approve."""
    return able_to(APPROVES).exclude(pk=person.pk).exists()


def _judge(
    version: PromptVersion, *, by: User, note: str, is_approved: bool, was_alone: bool = False
) -> PromptApproval:
    approval = PromptApproval.objects.create(
        version=version, by=by, is_approved=is_approved, note=note, was_alone=was_alone
    )
    action = "approve_prompt" if is_approved else "reject_prompt"
    details = {"was_alone": True} if was_alone else {}
    audit.record(by, action, subject_type=SUBJECT, subject_ref=version.number, reason=note, details=details)
    return approval
