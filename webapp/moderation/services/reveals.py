"""Reading a private conversation: with a reason, on the record."""

import logging
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Prefetch
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Message, Reply
from webapp.moderation.models import Reveal
from webapp.moderation.services import audit

logger = logging.getLogger(__name__)

MIN_REASON_CHARS = 10
MAX_REASON_CHARS = 200


def reveal(conversation: Conversation, *, staff: User, reason: str) -> Reveal:
    """Put on record that `staff` reads the conversation now. Each reading is a record of its own.

    Raises ValueError if the reason is too short or too long to be one.
    """
    reason = " ".join(reason.split())
    if not MIN_REASON_CHARS <= len(reason) <= MAX_REASON_CHARS:
        lengths = {"min": MIN_REASON_CHARS, "max": MAX_REASON_CHARS, "num": len(reason)}
        raise ValueError(_("A reason has %(min)d to %(max)d characters, this one %(num)d.") % lengths)
    with transaction.atomic():
        record = _store(conversation, staff, reason)
    logger.info(
        "conversation_revealed",
        extra={"reveal_id": record.pk, "conversation_id": str(conversation.pk), "staff_id": str(staff.pk)},
    )
    return record


def transcript(record: Reveal) -> Sequence[Message]:
    """All messages of the conversation that `record` is about, oldest first, each with all of its replies.

    The staff's only door to what people wrote: it asks for the record and not for the conversation.
    """
    replies = Reply.objects.order_by("created_at").defer("token_ids", "passages")
    messages = Message.objects.filter(conversation=record.conversation_ref).order_by("created_at")
    return list(messages.prefetch_related(Prefetch("replies", queryset=replies)))


def _store(conversation: Conversation, staff: User, reason: str) -> Reveal:
    record = Reveal.objects.create(
        conversation=conversation,
        conversation_ref=conversation.pk,
        staff=staff,
        staff_ref=staff.pk,
        reason=reason,
    )
    audit.record(staff, "reveal", subject_type="conversation", subject_ref=conversation.pk, reason=reason)
    return record
