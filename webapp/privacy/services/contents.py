"""What goes into an export beside the chats: everything that was written by or about the person."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db.models import QuerySet

from webapp.accounts.models import User
from webapp.chat.models import (
    Allowance,
    Comparison,
    Conversation,
    Feedback,
    Folder,
    Picture,
    QueuedMessage,
    Reply,
    Summary,
)
from webapp.experiments.models import Exposure, ForcedArm, PlaygroundSession
from webapp.library.models import Document, UploadedFile
from webapp.moderation.models import Appeal, Case, Flag, Suspension, Verdict
from webapp.personal.models import Memory, Preferences
from webapp.sharing.models import ChatImport, ShareLink

REPORTED = {"case_id", "category", "reason", "text", "created_at"}


def of(person: User) -> Mapping[str, Any]:
    """Name of a file -> what stands in it. Secrets of second factors and keys of sessions are left out; so are the
    words of temporary chats, which are on no disk (`webapp.chat.temporary_keys`)."""
    kept = Conversation.objects.of(person).kept()
    return {
        "account": _account(person),
        "preferences": _rows(Preferences.objects.filter(person=person)),
        "memories": _rows(Memory.objects.filter(owner=person)),
        "waiting-messages": _rows(QueuedMessage.objects.filter(conversation__in=kept)),
        "folders": _rows(Folder.objects.filter(owner=person)),
        "feedback": _rows(Feedback.objects.filter(person=person, reply__conversation__is_temporary=False)),
        "comparisons": _rows(Comparison.objects.filter(person=person)),
        "links": _links(person),
        "imports": _rows(ChatImport.objects.filter(person=person)),
        "limits": _rows(Allowance.objects.filter(person=person)),
        "experiments": _experiments(person),
        "documents": _rows(Document.objects.present().filter(owner=person), leave_out={"text"}),
        "files": _rows(UploadedFile.objects.filter(document__owner=person), leave_out={"content"}),
        "temporary-chats": _rows(
            Conversation.objects.of(person).filter(is_temporary=True), only={"id", "created_at", "ended_at"}
        ),
        "summaries": _rows(Summary.objects.filter(reply__conversation__in=kept)),
        "pictures": _rows(Picture.objects.filter(reply__conversation__in=kept), leave_out={"content"}),
        "safety": {
            "verdicts": _rows(Verdict.objects.filter(reply__conversation__owner=person)),
            "flagged": _rows(
                Case.objects.filter(person=person), only={"id", "reply_id", "state", "outcome", "category"}
            ),
            # Words of the person's own. What somebody else says who reports a shared chat is theirs.
            "reports": _rows(Flag.objects.filter(case__person=person, source=Flag.Source.REPORT), only=REPORTED),
            "appeals": _rows(Appeal.objects.filter(person=person), leave_out={"decided_by_id"}),
            "suspensions": _rows(
                Suspension.objects.filter(person=person), only={"created_at", "until", "reason", "lifted_at"}
            ),
        },
    }


def document_texts(person: User) -> Iterator[tuple[UUID, str, str]]:
    """Id, title and text of each document."""
    yield from Document.objects.present().filter(owner=person).values_list("pk", "title", "text").iterator()


def _account(person: User) -> dict[str, Any]:
    fields = ("id", "username", "email", "first_name", "is_guest", "date_joined", "last_login", "seen_on")
    told = ("country", "language", "device", "time_zone")  # by the browser
    return {
        **{field: getattr(person, field) for field in (*fields, *told, "suspended_until", "suspension_reason")},
        "groups": list(person.groups.values_list("name", flat=True)),
        "addresses": _rows(EmailAddress.objects.filter(user=person)),
        "second_factors": _rows(Authenticator.objects.filter(user=person), leave_out={"data"}),
        "accounts_elsewhere": _rows(SocialAccount.objects.filter(user=person)),
        "sessions": _rows(UserSession.objects.filter(user=person), leave_out={"session_key", "data"}),
    }


def _experiments(person: User) -> dict[str, Any]:
    """Which ones the person was part of, with which arm; and what they tried in the playground."""
    drawn = ("phase__experiment__name", "arm__key", "at", "language", "device", "is_guest", "is_new", "is_forced")
    return {
        "seen": list(Exposure.objects.filter(person=person).values(*drawn)),
        "forced": list(ForcedArm.objects.filter(person=person).values("experiment__name", "arm__key")),
        "playground": [
            {"turns": session.turns, "answers": list(session.runs.values("column", "turn", "text"))}
            for session in PlaygroundSession.objects.filter(person=person)
        ],
    }


def _links(person: User) -> list[Any]:
    """Without the turns whose answer was withheld later, as the links themselves show them."""
    withheld = Reply.objects.filter(conversation__owner=person, state=Reply.State.BLOCKED)
    hidden = {str(reply_id) for reply_id in withheld.values_list("pk", flat=True)}
    links = _rows(ShareLink.objects.filter(owner=person))
    return [{**link, "turns": [turn for turn in link["turns"] if turn.get("reply") not in hidden]} for link in links]


def _rows(rows: QuerySet[Any], *, only: set[str] | None = None, leave_out: set[str] | None = None) -> list[Any]:
    columns = {field.attname for field in rows.model._meta.concrete_fields}
    chosen = (only or columns) - (leave_out or set())
    return list(rows.order_by().values(*sorted(chosen)))
