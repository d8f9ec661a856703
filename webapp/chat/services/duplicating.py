"""A chat up to here as a new one, to go on from in another direction."""

import uuid
from copy import copy
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from webapp.chat.errors import NotFound
from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services.conversations import branch
from webapp.chat.services.pictures import copy_picture
from webapp.chat.services.summaries import copy_summary, states_of
from webapp.moderation.services import originals


@transaction.atomic
def duplicate(conversation: Conversation, *, upto: UUID | None = None) -> Conversation:
    """A new conversation with the branch that ends in the reply `upto`, or with the one its owner looks at.

    An answer that is still being written is left out, with its question. Raises NotFound if `upto` is not in it, and
    for a temporary chat, of which no copy is kept.
    """
    if conversation.is_temporary:
        raise NotFound
    leaf = None
    if upto is not None:
        leaf = conversation.replies.filter(pk=upto).first()
        if leaf is None:
            raise NotFound
    turns = [turn for turn in branch(conversation, leaf=leaf) if not turn[1].is_active]
    longest = 120 - len(_("%(title)s (copy)") % {"title": ""})
    title = _("%(title)s (copy)") % {"title": conversation.title[:longest]}
    fresh = Conversation.objects.create(
        owner_id=conversation.owner_id,
        folder_id=conversation.folder_id,
        title=title,
        titled_by=conversation.titled_by,
    )
    copies: list[tuple[Message, Reply]] = []
    for message, reply in turns:
        copies.append(_copied_turn(fresh, copies[-1][1] if copies else None, message, reply))
    copy_summary(states_of(turns), states_of(copies))
    return fresh


def _copied_turn(fresh: Conversation, parent: Reply | None, message: Message, reply: Reply) -> tuple[Message, Reply]:
    question = Message.objects.create(
        id=uuid.uuid4(), conversation=fresh, parent=parent, text=message.text, attachments=message.attachments
    )
    answer = copy(reply)
    answer._state = type(reply._state)()
    answer.pk = uuid.uuid4()
    answer.conversation, answer.message, answer.continued_from = fresh, question, None
    answer.save(force_insert=True)
    copy_picture(reply, answer)
    if reply.state == Reply.State.BLOCKED:
        originals.copy(reply.pk, answer.pk)
    return question, answer
