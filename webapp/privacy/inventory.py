"""What is kept of a person: how much of each kind, for how long and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db.models import QuerySet, Sum
from django.db.models.functions import Length
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User
from webapp.chat.models import Comparison, Conversation, Feedback, Folder, Message, Reply
from webapp.library.models import Document
from webapp.moderation.models import Appeal, AuditEntry, Case, Suspension, Verdict
from webapp.personal.models import Memory, Preferences
from webapp.privacy.models import DataExport
from webapp.sharing.models import ShareLink

UNTIL_DELETED = _("Until you delete them.")
WITH_THE_ACCOUNT = _("As long as you have the account.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`rows` of a person; `sized` is the field whose length is what they take."""

    code: str
    label: str | Promise
    rows: Callable[[User], QuerySet[Any]]
    sized: str = ""
    how_long: str | Promise = UNTIL_DELETED


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    kind: Kind
    num: int
    num_chars: int | None


def _days(text: str | Promise, field: str) -> str:
    return str(text) % {"days": getattr(settings.MODERATION, field)}


def kinds() -> Sequence[Kind]:
    """In the order of the page. Made anew for each reader: the days are said in their language."""
    verdicts = _days(_("%(days)s days: numbers, without a word of what was written."), "verdict_days")
    cases = _days(_("%(days)s days after it is closed, so that you can object."), "closed_case_days")
    return [
        Kind(code="chats", label=_("Chats"), rows=lambda person: Conversation.objects.filter(owner=person)),
        Kind(
            code="messages",
            label=_("Messages"),
            rows=lambda person: Message.objects.filter(conversation__owner=person),
            sized="text",
        ),
        Kind(
            code="answers",
            label=_("Answers"),
            rows=lambda person: Reply.objects.filter(conversation__owner=person),
            sized="text",
        ),
        Kind(code="folders", label=_("Folders"), rows=lambda person: Folder.objects.filter(owner=person)),
        Kind(
            code="documents",
            label=_("Documents"),
            rows=lambda person: Document.objects.present().filter(owner=person),
            sized="text",
        ),
        Kind(
            code="memories",
            label=_("Memories"),
            rows=lambda person: Memory.objects.filter(owner=person),
            sized="text",
        ),
        Kind(
            code="preferences",
            label=_("Preferences and instructions"),
            rows=lambda person: Preferences.objects.filter(person=person),
        ),
        Kind(code="feedback", label=_("Thumbs"), rows=lambda person: Feedback.objects.filter(person=person)),
        Kind(
            code="comparisons",
            label=_("Comparisons of answers"),
            rows=lambda person: Comparison.objects.filter(person=person),
        ),
        Kind(code="links", label=_("Shared links"), rows=lambda person: ShareLink.objects.filter(owner=person)),
        Kind(
            code="exports",
            label=_("Exports made here"),
            rows=lambda person: DataExport.objects.filter(person=person),
            how_long=_("3 days."),
        ),
        Kind(
            code="verdicts",
            label=_("Scores of the guard"),
            rows=lambda person: Verdict.objects.filter(reply__conversation__owner=person),
            how_long=verdicts,
        ),
        Kind(
            code="cases",
            label=_("Reports and flagged turns"),
            rows=lambda person: Case.objects.filter(person=person),
            how_long=cases,
        ),
        Kind(
            code="appeals",
            label=_("Reviews you asked for"),
            rows=lambda person: Appeal.objects.filter(person=person),
            how_long=cases,
        ),
        Kind(
            code="suspensions",
            label=_("Suspensions"),
            rows=lambda person: Suspension.objects.filter(person=person),
            how_long=WITH_THE_ACCOUNT,
        ),
        Kind(
            code="addresses",
            label=_("E-mail addresses"),
            rows=lambda person: EmailAddress.objects.filter(user=person),
            how_long=WITH_THE_ACCOUNT,
        ),
        Kind(
            code="second_factors",
            label=_("Passkeys and other second factors"),
            rows=lambda person: Authenticator.objects.filter(user=person),
            how_long=_("Until you remove them."),
        ),
        Kind(
            code="sessions",
            label=_("Devices that are logged in"),
            rows=lambda person: UserSession.objects.filter(user=person),
            how_long=_("Until you log out, or 90 days without a visit."),
        ),
    ]


def stored(person: User) -> list[Stored]:
    """How much of each kind there is now."""
    return [_count(kind, person) for kind in kinds()]


def num_records_kept(person: User) -> int:
    """Entries of the staff's record about this person. They name acts, not words, and stay for good."""
    return AuditEntry.objects.filter(subject_type="person", subject_ref=str(person.pk)).count()


def _count(kind: Kind, person: User) -> Stored:
    rows = kind.rows(person).order_by()
    num_chars = rows.aggregate(total=Sum(Length(kind.sized)))["total"] or 0 if kind.sized else None
    return Stored(kind=kind, num=rows.count(), num_chars=num_chars)
