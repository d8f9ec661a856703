"""Two answers to one question, side by side, without saying which is which until the person has chosen."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.chat.errors import CannotBeRated, NotFound
from webapp.chat.models import Comparison, Reply
from webapp.chat.services.conversations import conversation_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """`choice` is what the person has said of them, or empty."""

    left: Reply
    right: Reply
    choice: str


def draw(*, person: User | None, conversation_id: UUID, reply_id: UUID) -> tuple[UUID, UUID]:
    """This reply and another answer to the same message, in an order that chance decides.

    Raises NotFound, and CannotBeRated unless there are two whole answers.
    """
    versions = _comparable(person, conversation_id, reply_id)
    others = [version.pk for version in versions if version.pk != reply_id]
    if len(others) == len(versions) or not others:
        raise CannotBeRated(_("There is no second whole answer to compare this one with."))
    pair = (reply_id, secrets.choice(others))
    return pair if secrets.randbelow(2) else (pair[1], pair[0])


def pair(*, person: User | None, conversation_id: UUID, left: UUID, right: UUID) -> Pair:
    """The two answers. Raises NotFound unless they are two whole answers to one message of this person's."""
    versions = {version.pk: version for version in _comparable(person, conversation_id, left)}
    if left == right or not {left, right} <= versions.keys():
        raise NotFound
    choices = Comparison.objects.filter(person=person, left=left, right=right).values_list("choice", flat=True)
    return Pair(left=versions[left], right=versions[right], choice=choices.first() or "")


def choose(*, person: User | None, conversation_id: UUID, left: UUID, right: UUID, choice: str) -> Comparison:
    """Note what the person prefers; sent twice it is one comparison. Raises NotFound."""
    if choice not in Comparison.Choice.values:
        raise NotFound
    shown = pair(person=person, conversation_id=conversation_id, left=left, right=right)
    comparison, _is_new = Comparison.objects.update_or_create(
        person=person,
        left=shown.left,
        right=shown.right,
        defaults={"choice": choice, "message": shown.left.message},
    )
    return comparison


def _comparable(person: User | None, conversation_id: UUID, reply_id: UUID) -> list[Reply]:
    """The whole answers to the message that this reply answers, oldest first."""
    conversation = conversation_for(person, conversation_id)
    if not conversation.replies.filter(pk=reply_id).exists():
        raise NotFound
    replies = conversation.replies.filter(
        message__replies=reply_id, state__in=(Reply.State.DONE, Reply.State.CANCELLED)
    )
    return [reply for reply in replies.select_related("message").order_by("created_at") if reply.blocks]
