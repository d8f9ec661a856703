"""Conversations: the one door to them, and what their owner can do with them."""

from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat.errors import NotFound
from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services.erasing import erase
from webapp.chat.services.tree import Tree, end_of_branch

TITLE_CHARS = 60
TEMPORARY_FOR = timedelta(minutes=10)
BATCH = 100


def conversation_for(person: User | None, conversation_id: UUID) -> Conversation:
    """The conversation, if it is this person's. Raises NotFound if it is absent or somebody else's, alike."""
    if person is None:
        raise NotFound
    try:
        return Conversation.objects.of(person).get(pk=conversation_id)
    except Conversation.DoesNotExist:
        raise NotFound from None


def reply_for(person: User | None, reply_id: UUID) -> Reply:
    """The reply, if its conversation is this person's. Raises NotFound otherwise."""
    if person is None:
        raise NotFound
    try:
        return Reply.objects.select_related("conversation", "message").get(pk=reply_id, conversation__owner=person)
    except Reply.DoesNotExist:
        raise NotFound from None


def locked(conversation: Conversation | None) -> Conversation:
    """The row as it is once nobody else sends for this person until the transaction ends. Raises NotFound if it is
    gone. The owner's row is what every way to send locks first."""
    if conversation is not None:
        User.objects.select_for_update().filter(pk=conversation.owner_id).first()
        conversation = Conversation.objects.select_related("owner").filter(pk=conversation.pk).first()
    if conversation is None:
        raise NotFound
    return conversation


def rename(conversation: Conversation, title: str) -> None:
    """Give it a title of its owner's, which nothing changes by itself any more; an empty one is ignored."""
    title = " ".join(title.replace("\0", " ").split())[:120]
    if title:
        conversation.title, conversation.titled_by = title, Conversation.TitledBy.PERSON
        conversation.save(update_fields=["title", "titled_by"])


def close_temporary(person: User | None, some_id: UUID) -> None:
    """Erase the conversation of this id if it is there, temporary and this person's: nothing else is erased by closing
    a page. One that had not heard of its conversation yet names the turn that it sent."""
    with_turn = Message.objects.filter(pk=some_id).values("conversation")
    named = Conversation.objects.filter(Q(pk=some_id) | Q(pk__in=with_turn))
    erase(named.filter(owner=person, is_temporary=True))


def erase_expired() -> int:
    """Erase the temporary conversations of which nothing was heard for long, neither a turn nor that their page is
    open (it says so each minute); how many there were, at most a hundred at once. An answer that is being written is
    waited for."""
    long_ago = timezone.now() - TEMPORARY_FOR
    silent = Conversation.objects.filter(is_temporary=True, updated_at__lt=long_ago, seen_at__lt=long_ago)
    return erase(silent.exclude(replies__state__in=Reply.ACTIVE).order_by("seen_at")[:BATCH])


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
