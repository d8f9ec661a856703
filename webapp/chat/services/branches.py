"""Choosing a branch, and reading the rows of one."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.chat.errors import NotFound, TurnInProgress
from webapp.chat.models import Conversation, Reply
from webapp.chat.services.conversations import conversation_for, locked
from webapp.chat.services.tree import Step, Tree, end_of_branch

FIELDS_NOT_SHOWN = ("text", "token_ids", "passages")


def select(*, person: User | None, conversation_id: UUID, turn: UUID) -> Conversation:
    """Look at the branch through this reply or message from now on, on every page.

    Raises NotFound, and TurnInProgress while an answer is written: it would go on out of sight.
    """
    with transaction.atomic():
        conversation = locked(conversation_for(person, conversation_id))
        tree = Tree.of(conversation)
        reply_id = tree.reply_at(turn)
        if reply_id is None:
            raise NotFound
        end = tree.end_from(reply_id)
        if end != end_of_branch(conversation, tree) and conversation.replies.active().exists():
            raise TurnInProgress(_("Please wait until this answer is finished, or stop it."))
        conversation.selected_id = end
        conversation.save(update_fields=["selected"])
    return conversation


def replies_of(steps: Sequence[Step]) -> dict[UUID, Reply]:
    """The rows of these turns with their messages, without what no page shows."""
    rows = Reply.objects.filter(pk__in=[step.reply_id for step in steps]).select_related("message")
    return {reply.pk: reply for reply in rows.defer(*FIELDS_NOT_SHOWN)}
