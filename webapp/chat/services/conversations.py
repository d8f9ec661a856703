"""Conversations: the one door to them, and what their owner can do with them."""

from uuid import UUID

from webapp.accounts.models import User
from webapp.chat import temporary_keys
from webapp.chat.errors import Ended, NotFound
from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services.tree import Tree, end_of_branch

TITLE_CHARS = 60


def conversation_for(person: User | None, conversation_id: UUID) -> Conversation:
    """The conversation, if it is this person's. Raises NotFound if it is absent or somebody else's, alike; Ended
    for a temporary one that nobody can read any more."""
    if person is None:
        raise NotFound
    try:
        conversation = Conversation.objects.of(person).get(pk=conversation_id)
    except Conversation.DoesNotExist:
        raise NotFound from None
    check_not_ended(conversation)
    return conversation


def reply_for(person: User | None, reply_id: UUID, *, or_ended: bool = False) -> Reply:
    """The reply, if its conversation is this person's. Raises NotFound otherwise; Ended for one in a temporary chat
    that nobody can read any more, unless that is wanted, too."""
    if person is None:
        raise NotFound
    try:
        reply = Reply.objects.select_related("conversation", "message").get(pk=reply_id, conversation__owner=person)
    except Reply.DoesNotExist:
        raise NotFound from None
    if not or_ended:
        check_not_ended(reply.conversation)
    return reply


def check_not_ended(conversation: Conversation) -> None:
    """Raises Ended, and TemporaryAway where nobody can tell."""
    if conversation.is_temporary and (conversation.ended_at or not temporary_keys.is_there(conversation.pk)):
        raise Ended


def locked(conversation: Conversation | None) -> Conversation:
    """The row as it is once nobody else sends for this person until the transaction ends. Raises NotFound if it is
    gone. The owner's row is what every way to send locks first."""
    if conversation is not None:
        User.objects.select_for_update().filter(pk=conversation.owner_id).first()
        conversation = Conversation.objects.select_related("owner").filter(pk=conversation.pk).first()
    if conversation is None:
        raise NotFound
    check_not_ended(conversation)
    return conversation


def rename(conversation: Conversation, title: str) -> None:
    """Give it a title of its owner's, which nothing changes by itself any more; an empty one is ignored. A
    temporary chat keeps its own."""
    title = " ".join(title.replace("\0", " ").split())[:120]
    if title and not conversation.is_temporary:
        conversation.title, conversation.titled_by = title, Conversation.TitledBy.PERSON
        conversation.save(update_fields=["title", "titled_by"])


def title_of(text: str) -> str:
    """The beginning of the first message, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= TITLE_CHARS:
        return line
    return (
        line[:TITLE_CHARS].rpartition(" ")[0].rstrip(",.;:") + "…"
        if " " in line[:TITLE_CHARS]
        else line[:TITLE_CHARS] + "…"
    )


def branch(conversation: Conversation, *, leaf: Reply | None = None) -> list[tuple[Message, Reply]]:
    """The turns from the first to `leaf`, or to the end of the branch that its owner looks at."""
    tree = Tree.of(conversation)
    end = leaf.pk if leaf else end_of_branch(conversation, tree)
    steps = tree.path_to(end) if end and end in tree else []
    rows = Reply.objects.filter(pk__in=[step.reply_id for step in steps]).select_related("message")
    replies = {reply.pk: reply for reply in rows}
    # One may have been deleted since the tree was read.
    found = (replies.get(step.reply_id) for step in steps)
    return [(reply.message, reply) for reply in found if reply is not None]
