"""Telling the staff that an answer is not right. Only whoever got it sees it, so only they can report it."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.chat.errors import NotFound
from webapp.chat.models import Conversation, Reply
from webapp.chat.services.conversations import reply_for
from webapp.moderation.models import Case, Flag
from webapp.moderation.services import cases
from webapp.moderation.services.hearing import heard
from webapp.moderation.services.scoring import MAX_REPORTS

MAX_TEXT_CHARS = 900
DAY = timedelta(days=1)
NAMES: Mapping[str, object] = MappingProxyType(dict(Flag.Reason.choices))
_CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        Flag.Reason.DANGEROUS: "nonviolent_crimes",
        Flag.Reason.HATEFUL: "hate",
        Flag.Reason.SEXUAL: "sexual_content",
        Flag.Reason.SELF_HARM: "self_harm",
        Flag.Reason.PRIVATE: "privacy",
    }
)


class CannotReport(Exception):
    """Nothing was changed; the text says why, to the person."""


def report(person: User, reply_id: UUID, reason: str, text: str = "") -> Case:
    """Point the staff at an answer of one's own chats, once: what was decided is not asked again by reporting again.

    Raises CannotReport, and NotFound for what is absent or somebody else's, alike.
    """
    text = text.replace("\x00", "").replace("\r\n", "\n").strip()  # nobody means a NUL, and a line has one end
    if reason not in NAMES:
        raise CannotReport(_("Please choose a reason."))
    if len(text) > MAX_TEXT_CHARS:
        raise CannotReport(_("Please say it in %(num)d characters.") % {"num": MAX_TEXT_CHARS})
    with heard(person, reply_id):
        reply = reply_for(person, reply_id)
        if reply.state == Reply.State.BLOCKED or reply.is_active or not reply.text:
            raise CannotReport(_("There is no answer to report here."))
        mine = by(person)
        if mine.filter(case__reply=reply).exists():
            raise CannotReport(_("You have reported this answer already."))
        limit = settings.MODERATION.reports_per_day
        if mine.filter(created_at__gt=timezone.now() - DAY).count() >= limit:
            raise CannotReport(_("You can report %(num)d answers a day. Please try again tomorrow.") % {"num": limit})
        return cases.flag(reply.pk, "report", category=_CATEGORIES.get(reason, ""), reason=reason, text=text)


def report_shared(reply_id: UUID, reason: str, text: str = "") -> None:
    """Point the staff at an answer that somebody else shared; whoever reads a shared chat may be anybody.

    Never told to its owner, who did not say it. Adds nothing to what was decided, nor to what is loud enough. Raises
    NotFound if it is gone.
    """
    owner = User.objects.filter(conversations__replies=reply_id).first()
    if owner is None:
        raise NotFound
    with heard(owner, reply_id):
        before = Flag.objects.filter(source=Flag.Source.SHARED, case__reply=reply_id)
        if before.count() >= MAX_REPORTS or before.filter(case__state=Case.State.CLOSED).exists():
            return
        category = _CATEGORIES.get(reason, "")
        cases.flag(reply_id, "shared", category=category, reason=reason, text=text[:MAX_TEXT_CHARS])


def by(person: User) -> QuerySet[Flag]:
    """This person's own reports, newest first."""
    return Flag.objects.filter(source=Flag.Source.REPORT, case__person=person).order_by("-created_at")


def reported_in(conversation: Conversation) -> frozenset[UUID]:
    """The replies of this conversation that were reported and wait to be looked at."""
    waiting = Flag.objects.filter(source=Flag.Source.REPORT, case__reply__conversation=conversation)
    return frozenset(waiting.exclude(case__state=Case.State.CLOSED).values_list("case__reply_id", flat=True))
