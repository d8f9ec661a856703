"""Letting a withheld turn pass after all, in its place: the answer is shown again, or the message answered now."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from assistant.rendering.markdown import RENDERER_VERSION, render
from webapp.chat.models import Reply
from webapp.chat.services.hosts import known_hosts
from webapp.moderation.services import originals


class CannotRelease(Exception):
    """Nothing was changed; the text says why, to a moderator."""


def release(reply_id: UUID) -> Reply:
    """Release a withheld reply under a new epoch. If it is queued afterwards, enqueue it once this is committed.

    A withheld answer comes back from its original; a withheld message is answered without asking the input guard
    again. Raises CannotRelease.
    """
    try:
        with transaction.atomic():
            reply = Reply.objects.select_for_update().get(pk=reply_id)
            if reply.state != Reply.State.BLOCKED:
                raise CannotRelease("This turn is not withheld.")
            if reply.input_checked:
                _restore(reply)
            else:
                _queue(reply)
            return reply
    except IntegrityError:
        raise CannotRelease("Another answer is being written in this chat. Please try again in a moment.") from None


def _restore(reply: Reply) -> None:
    text = originals.read(reply.pk)
    if text is None:
        raise CannotRelease("The words of this answer are not kept any more. The person can ask again.")
    reply.state, reply.finish_reason = Reply.State.DONE, "released"
    reply.text, reply.token_ids = text, []
    reply.blocks, reply.tail = render(text, known_hosts=known_hosts(reply)), ""
    reply.renderer_version = RENDERER_VERSION
    reply.epoch, reply.event_index = reply.epoch + 1, 0
    reply.save()


def _queue(reply: Reply) -> None:
    now = timezone.now()
    reply.state, reply.phase, reply.finish_reason = Reply.State.QUEUED, "queued", ""
    reply.input_checked, reply.passages = True, None
    reply.blocks, reply.finished_at, reply.waiting_since = [], None, None
    reply.not_before, reply.enqueued_at = now, now
    reply.deadline = now + timedelta(seconds=settings.TURNS.deadline_s)
    reply.save()
