"""How a reply ends when it is not its worker that ends it: a stop, a deadline, a failure nobody can mend."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from assistant import errors, events
from assistant.rendering.markdown import RENDERER_VERSION, render
from webapp.chat.cursor import Cursor
from webapp.chat.models import Picture, QueuedMessage, Reply
from webapp.chat.services.hosts import known_hosts
from webapp.chat.services.steps import ended_steps

INTERNAL_ERROR = "internal"
TIMED_OUT = "timed_out"
_OF_TEXT = ("text", "token_ids", "blocks", "tail")
_FOR_GOOD = frozenset({errors.PromptTooLong.code, errors.WindowFull.code})
_TEXTS = {error.code: error.user_text for error in errors.AssistantError.__subclasses__()} | {
    INTERNAL_ERROR: errors.AssistantError.user_text,
    TIMED_OUT: gettext_noop("This answer took too long and was ended. Your message is safe; please try again."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What to append to the turn log once the transaction is committed."""

    reply_id: UUID
    cursor: Cursor
    events: tuple[events.Event, ...]


def error_event(code: str) -> events.Error:
    text = gettext(_TEXTS.get(code, _TEXTS[INTERNAL_ERROR]))
    return events.Error(code=code, text=text, retry=code not in _FOR_GOOD)


def forget_unshown(reply_id: UUID, steps: Iterable[Mapping[str, Any]]) -> None:
    """Delete what was drawn for an answer that ends with these steps, if none shows it: only an export would."""
    if not any(step.get("picture") for step in steps):
        Picture.objects.filter(reply=reply_id).delete()


def end_from_outside(reply: Reply, *, state: Reply.State, finish_reason: str = "", error_code: str = "") -> Ending:
    """End a locked, active reply under a new epoch, so that its worker, if there is one, loses it.

    Text is kept, but for what no verdict was waited for: the new epoch makes every page take the snapshot. What waits
    to be sent after this answer is held. What cannot be read at the moment stays as it is; but its text goes if part of
    it was unchecked, as nobody can tell which.
    """
    could_read = not reply.is_unread
    if reply.unchecked_chars:
        for column in _OF_TEXT:
            reply.unread.pop(column, None)
        reply.text, reply.token_ids = reply.text[: -reply.unchecked_chars], []
        reply.unchecked_chars = 0
    reply.state = state
    reply.epoch += 1
    reply.event_index = 1
    reply.lease_until = None
    reply.blocks = render(reply.text, known_hosts=known_hosts(reply))
    reply.tail = ""
    reply.steps = ended_steps(reply.steps)
    reply.renderer_version = RENDERER_VERSION
    reply.finish_reason = finish_reason
    reply.error_code = error_code
    reply.finished_at = timezone.now()
    reply.save()
    if could_read:
        forget_unshown(reply.pk, reply.steps)
    QueuedMessage.objects.filter(conversation=reply.conversation_id).update(is_held=True)
    event: events.Event = (
        error_event(error_code)
        if state == Reply.State.FAILED
        else events.Done(state="cancelled", finish_reason=finish_reason)
    )
    return Ending(reply_id=reply.pk, cursor=Cursor(reply.epoch, reply.event_index), events=(event,))
