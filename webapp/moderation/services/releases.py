"""Letting a withheld turn pass after all, in its place: the answer is shown again, or the message answered now."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from assistant.rendering.markdown import RENDERER_VERSION, render
from assistant.safety.code_badges import badges, translated
from webapp import wiring
from webapp.accounts.models import User
from webapp.accounts.services.language import language_of
from webapp.chat.errors import Ended
from webapp.chat.models import Reply
from webapp.chat.services.conversations import check_not_ended
from webapp.chat.services.history import RELEASED
from webapp.chat.services.hosts import known_hosts
from webapp.chat.services.steps import ended_steps
from webapp.moderation.services import originals

NOT_WITHHELD, GONE, BUSY = "not_withheld", "gone", "busy"
WHY_NOT = {
    NOT_WITHHELD: _("This turn is not withheld."),
    GONE: _("The words of this answer are not kept any more. The person can ask again."),
    BUSY: _("Another answer is being written in this chat. Please try again in a moment."),
}


class CannotRelease(Exception):
    """Nothing was changed; `code` says why, and `WHY_NOT` says it to a moderator."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def code_badges(reply_id: UUID) -> Sequence[dict[str, Any]]:
    """What stands at the code of a withheld answer once it is released: it was withheld before its code was scanned.

    Takes seconds, so call it outside of any transaction.
    """
    kept = originals.read(reply_id)
    if kept is None:
        return []
    found = badges(kept.text, wiring.code_report(kept.text))
    with override(language_of(User.objects.get(conversations__replies=reply_id))):
        return [asdict(translated(badge, gettext)) for badge in found]


def release(reply_id: UUID, *, code: Sequence[dict[str, Any]] = ()) -> Reply:
    """Release a withheld reply under a new epoch. If it is queued afterwards, enqueue it once this is committed.

    A withheld answer comes back from its original, with what stood beside it and the badges in `code`; a withheld
    message is answered without asking the input guard again. Raises CannotRelease.
    """
    try:
        with transaction.atomic():
            reply = Reply.objects.select_for_update().get(pk=reply_id)
            if reply.state != Reply.State.BLOCKED:
                raise CannotRelease(NOT_WITHHELD)
            check_not_ended(reply.conversation)
            if reply.input_checked:
                _restore(reply, code)
            else:
                _queue(reply)
            return reply
    except IntegrityError:
        raise CannotRelease(BUSY) from None
    except Ended:
        raise CannotRelease(GONE) from None


def _restore(reply: Reply, code: Sequence[dict[str, Any]]) -> None:
    kept = originals.read(reply.pk)
    if kept is None:
        raise CannotRelease(GONE)
    for name, value in kept.beside.items():
        setattr(reply, name, value)
    reply.steps = ended_steps(reply.steps)
    reply.code_reports = list(code)
    reply.state, reply.finish_reason = Reply.State.DONE, RELEASED
    reply.text, reply.token_ids = kept.text, []
    reply.blocks, reply.tail = render(kept.text, known_hosts=known_hosts(reply)), ""
    reply.renderer_version = RENDERER_VERSION
    reply.epoch, reply.event_index = reply.epoch + 1, 0
    reply.save()
    originals.open_picture(reply.pk)


def _queue(reply: Reply) -> None:
    now = timezone.now()
    reply.state, reply.phase, reply.finish_reason = Reply.State.QUEUED, "queued", ""
    reply.input_checked, reply.passages, reply.continued_from = True, None, None
    reply.blocks, reply.finished_at, reply.waiting_since = [], None, None
    reply.not_before, reply.enqueued_at = now, now
    reply.deadline = now + timedelta(seconds=settings.TURNS.deadline_s)
    reply.save()
