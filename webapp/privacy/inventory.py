"""What is kept of a person: how much of each kind, for how long and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db.models import QuerySet, Sum
from django.db.models.functions import Length
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User
from webapp.chat.models import (
    Allowance,
    Comparison,
    Conversation,
    Embedding,
    Feedback,
    Folder,
    Message,
    Picture,
    QueuedMessage,
    Reply,
    Summary,
)
from webapp.chat.models.sealing import MARK
from webapp.experiments.models import Exposure, ForcedArm, PlaygroundSession
from webapp.library.models import Document, UploadedFile
from webapp.moderation.models import Appeal, AuditEntry, Case, Suspension, Verdict
from webapp.personal.models import Memory, Preferences
from webapp.privacy.models import DataExport
from webapp.sharing.models import ChatImport, ShareLink

UNTIL_DELETED = _("Until you delete them.")
WITH_THE_ACCOUNT = _("As long as you have the account.")
UNTIL_REMOVED = _("Until you remove them.")


@dataclass(frozen=True, slots=True)
class Kind:
    """Those `among` the rows of a model that have a person as their `owner`; `sized` is the field whose length is what
    they take."""

    code: str
    label: str | Promise
    among: QuerySet[Any]
    owner: str
    how_long: str | Promise = UNTIL_DELETED
    sized: str = ""

    def rows(self, person: User) -> QuerySet[Any]:
        return self.among.filter(**{self.owner: person})


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
    suspensions = _days(_("%(days)s days after they are over."), "closed_case_days")
    appeals = _days(_("%(days)s days after the case is closed or the suspension is over."), "closed_case_days")
    unread = _("Until their text has been read, usually less than a minute.")
    import_ = _("The file until it is read, what became of it for a day.")
    with_texts = _("As long as the messages and answers they are about.")
    visits = _("Until you log out, or 90 days without a visit.")
    talk, verdict_owner = "conversation__owner", "reply__conversation__owner"
    return [
        Kind("chats", _("Chats"), Conversation.objects.all(), "owner"),
        Kind("messages", _("Messages"), Message.objects.all(), talk, sized="text"),
        Kind("answers", _("Answers"), Reply.objects.all(), talk, sized="text"),
        Kind("summaries", _("Summaries of chats"), Summary.objects.all(), "reply__conversation__owner", sized="text"),
        Kind("embeddings", _("Numbers to search chats by meaning"), Embedding.objects.all(), talk, with_texts),
        Kind("pictures", _("Pictures"), Picture.objects.all(), "reply__conversation__owner"),
        Kind("waiting", _("Messages that wait"), QueuedMessage.objects.all(), talk, _("Until they are sent."), "text"),
        Kind("folders", _("Folders"), Folder.objects.all(), "owner"),
        Kind("documents", _("Documents"), Document.objects.present(), "owner", sized="text"),
        Kind("files", _("Files waiting to be read"), UploadedFile.objects.all(), "document__owner", unread),
        Kind("memories", _("Memories"), Memory.objects.all(), "owner", sized="text"),
        Kind("preferences", _("Preferences and instructions"), Preferences.objects.all(), "person"),
        Kind("feedback", _("Thumbs"), Feedback.objects.all(), "person"),
        Kind("comparisons", _("Comparisons of answers"), Comparison.objects.all(), "person"),
        Kind("links", _("Shared links"), ShareLink.objects.all(), "owner"),
        Kind("imports", _("Imports of chats"), ChatImport.objects.all(), "person", import_),
        Kind("exports", _("Exports made here"), DataExport.objects.all(), "person", _("3 days.")),
        Kind("limits", _("How much you have sent lately"), Allowance.objects.all(), "person", WITH_THE_ACCOUNT),
        Kind("experiments", _("Experiments you were part of"), Exposure.objects.all(), "person", WITH_THE_ACCOUNT),
        Kind("forced_arms", _("Variants chosen for you"), ForcedArm.objects.all(), "person", WITH_THE_ACCOUNT),
        Kind("playground", _("Sessions in the playground"), PlaygroundSession.objects.all(), "person"),
        Kind("verdicts", _("Scores of the guard"), Verdict.objects.all(), verdict_owner, verdicts),
        Kind("cases", _("Reports and flagged turns"), Case.objects.all(), "person", cases),
        Kind("appeals", _("Reviews you asked for"), Appeal.objects.all(), "person", appeals),
        Kind("suspensions", _("Suspensions"), Suspension.objects.all(), "person", suspensions),
        Kind("addresses", _("E-mail addresses"), EmailAddress.objects.all(), "user", WITH_THE_ACCOUNT),
        Kind(
            "second_factors", _("Passkeys and other second factors"), Authenticator.objects.all(), "user", UNTIL_REMOVED
        ),
        Kind("identities", _("Accounts elsewhere"), SocialAccount.objects.all(), "user", UNTIL_REMOVED),
        Kind("sessions", _("Devices that are logged in"), UserSession.objects.all(), "user", visits),
    ]


def stored(person: User) -> list[Stored]:
    """How much of each kind there is now."""
    return [_count(kind, person) for kind in kinds()]


def num_records_kept(person: User) -> int:
    """Entries of the staff's record about this person. They name acts, not words, and stay for good."""
    return AuditEntry.objects.filter(subject_type="person", subject_ref=str(person.pk)).count()


def _count(kind: Kind, person: User) -> Stored:
    rows = kind.rows(person).order_by()
    return Stored(kind=kind, num=rows.count(), num_chars=_num_chars(rows, kind.sized) if kind.sized else None)


def _num_chars(rows: QuerySet[Any], column: str) -> int:
    """Without those of temporary chats: how long these are, nobody can tell from what is stored."""
    total: int | None = rows.exclude(**{f"{column}__startswith": MARK}).aggregate(total=Sum(Length(column)))["total"]
    return total or 0
