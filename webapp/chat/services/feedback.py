"""Thumbs on answers, with reasons and words if the person wants to give them."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from webapp.accounts.models import User
from webapp.chat.errors import CannotBeRated
from webapp.chat.models import Conversation, Feedback, Reply
from webapp.chat.services.conversations import reply_for

MAX_TEXT_CHARS = 1_000
REASONS: Mapping[int, Mapping[str, Promise]] = {
    Feedback.Thumb.UP: {
        "helpful": gettext_lazy("Helpful"),
        "correct": gettext_lazy("Correct"),
        "well_written": gettext_lazy("Well written"),
        "kind": pgettext_lazy("answer", "Kind"),
    },
    Feedback.Thumb.DOWN: {
        "not_true": gettext_lazy("Not true"),
        "not_asked": gettext_lazy("Not what I asked"),
        "too_long": gettext_lazy("Too long"),
        "unkind": gettext_lazy("Unkind"),
        "unsafe": gettext_lazy("Unsafe"),
        "other": gettext_lazy("Something else"),
    },
}
WORTH_A_REPORT = frozenset({"not_true", "unsafe"})


def give(*, person: User | None, reply_id: UUID, thumb: int) -> Feedback:
    """This thumb is the person's on the reply from now on. Another one loses its reasons; the same one keeps them.

    Raises NotFound, and CannotBeRated where there is no whole answer to have an opinion of.
    """
    reply = _rateable(person, reply_id)
    with transaction.atomic():
        feedback, is_new = Feedback.objects.select_for_update().get_or_create(
            reply=reply, person=reply.conversation.owner, defaults={"thumb": thumb}
        )
        if not is_new and feedback.thumb != thumb:
            feedback.thumb, feedback.reasons, feedback.text = thumb, [], ""
            feedback.save()
    return feedback


def take_back(*, person: User | None, reply_id: UUID) -> None:
    """No thumb of the person is on the reply any more. Raises NotFound."""
    Feedback.objects.filter(reply=reply_for(person, reply_id), person=person).delete()


def explain(*, person: User | None, reply_id: UUID, reasons: Iterable[str], text: str) -> Feedback:
    """Say why. What is no reason for this thumb is left out. Raises NotFound, and CannotBeRated
    where no thumb was given."""
    reply = _rateable(person, reply_id)
    with transaction.atomic():
        feedback = Feedback.objects.select_for_update().filter(reply=reply, person=person).first()
        if feedback is None:
            raise CannotBeRated(_("Please choose a thumb first."))
        given = set(reasons)
        feedback.reasons = [code for code in REASONS[feedback.thumb] if code in given]
        feedback.text = text.replace("\0", "").replace("\r\n", "\n").strip()[:MAX_TEXT_CHARS]
        feedback.save()
    return feedback


def note_copy(*, person: User | None, reply_id: UUID) -> None:
    """The person has copied the answer, or code in it; when they first did is kept. Raises NotFound."""
    reply = reply_for(person, reply_id)
    Reply.objects.filter(pk=reply.pk, copied_at=None).update(copied_at=timezone.now())


def thumbs_in(conversation: Conversation) -> dict[UUID, int]:
    """The owner's thumb on each reply that has one."""
    given = Feedback.objects.filter(reply__conversation=conversation, person=conversation.owner_id)
    return dict(given.values_list("reply_id", "thumb"))


def _rateable(person: User | None, reply_id: UUID) -> Reply:
    reply = reply_for(person, reply_id)
    if reply.is_active or reply.state == Reply.State.BLOCKED or not reply.blocks:
        raise CannotBeRated(_("There is no answer here to have an opinion of."))
    return reply
