"""One letter a day to each moderator about what waits, and none on a day on which nothing does."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Count, Min
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext, override

from assistant.safety.quality import Share
from webapp.accounts.models import User
from webapp.accounts.services.language import language_of
from webapp.moderation.models import Appeal, AuditEntry, Case, Flag
from webapp.moderation.services import audit, chain, four_eyes, queue

logger = logging.getLogger(__name__)

ACTION = "digest"
FAILED = "digest_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What waits for moderators. Numbers only: no word of anybody's enters a mailbox.

    `anchor` lets whoever keeps the letter see later whether the record was cut or rewritten.
    """

    num_open: int
    by_category: Sequence[tuple[str, int]]
    by_source: Sequence[tuple[Flag.Source, int]]
    oldest: datetime | None
    num_appealing: int
    oldest_appeal: datetime | None
    overturned: Share | None
    anchor: chain.Anchor

    @property
    def is_empty(self) -> bool:
        return not self.num_open and not self.num_appealing


def digest() -> Digest:
    """What waits now. Escalated cases are open too."""
    standing = queue.standing()
    waiting = Flag.objects.exclude(case__state=Case.State.CLOSED).order_by()
    sources = waiting.values_list("source").annotate(num=Count("case", distinct=True)).order_by("-num", "source")
    pending = Appeal.objects.filter(state=Appeal.State.PENDING)
    return Digest(
        num_open=standing.num_pending,
        by_category=standing.pending_by_category,
        by_source=[(Flag.Source(source), num) for source, num in sources],
        oldest=standing.oldest,
        num_appealing=pending.order_by().values("person").distinct().count(),
        oldest_appeal=pending.aggregate(oldest=Min("created_at"))["oldest"],
        overturned=standing.overturned,
        anchor=chain.head(),
    )


def send_due() -> int:
    """Send today's letters that have not been sent. Returns how many were."""
    today = digest()
    if today.is_empty:
        return 0
    return sum(_try_to_send(moderator, today) for moderator in recipients())


def recipients() -> Sequence[User]:
    """The staff who decide cases and have an address."""
    return list(four_eyes.able_to(four_eyes.REVIEWS).exclude(email="").order_by("pk"))


def _try_to_send(moderator: User, today: Digest) -> bool:
    """An address that takes no letters keeps nobody else from theirs, and is tried again.

    The letter leaves outside of any transaction: a slow mail server would hold up everything that is written.
    """
    now = timezone.now()
    day = now.date().isoformat()
    if not _claim(moderator, day):
        return False
    try:
        _send(moderator, today, now)
    except (SMTPException, OSError) as error:
        logger.error("digest_failed", extra={"person_id": str(moderator.pk), "error": type(error).__name__})
        audit.record(None, FAILED, subject_type="person", subject_ref=moderator.pk, details={"day": day})
        return False
    return True


@transaction.atomic
def _claim(moderator: User, day: str) -> bool:
    """Once a day: the entry that says so is written before the letter leaves."""
    User.objects.select_for_update().get(pk=moderator.pk)
    acts = AuditEntry.objects.filter(action__in=(ACTION, FAILED), subject_ref=str(moderator.pk))
    last = acts.order_by("-pk").first()
    if last is not None and last.action == ACTION and last.details["day"] == day:
        return False
    audit.record(None, ACTION, subject_type="person", subject_ref=moderator.pk, details={"day": day})
    return True


def _send(moderator: User, today: Digest, now: datetime) -> None:
    """In the language of whoever gets it."""
    with override(language_of(moderator)):
        subject, text = _letter(today, now)
    send_mail(subject, text, None, [moderator.email])


def _letter(today: Digest, now: datetime) -> tuple[str, str]:
    subject = ngettext("Cria: %(num)d case waits", "Cria: %(num)d cases wait", today.num_open) % {"num": today.num_open}
    address = settings.SITE_ADDRESS + reverse("admin:moderation_case_changelist")
    appeals_address = settings.SITE_ADDRESS + reverse("admin:moderation_appeal_changelist")
    context = {"digest": today, "now": now, "address": address, "appeals_address": appeals_address}
    return subject, render_to_string("moderation/digest.txt", context)
