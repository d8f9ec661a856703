"""Conversations: the one door to them, and what their owner can do with them."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat.errors import NotFound
from webapp.chat.models import Conversation, Message, Reply

TITLE_CHARS = 60


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


def rename(conversation: Conversation, title: str) -> None:
    """Give it a title; an empty one is ignored."""
    title = " ".join(title.split())[:120]
    if title:
        conversation.title = title
        conversation.save(update_fields=["title"])


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
    """The turns from the first to the newest (or to `leaf`), following the newest answer at each step."""
    replies = list(conversation.replies.select_related("message").order_by("created_at"))
    by_id = {reply.pk: reply for reply in replies}
    step = leaf or (replies[-1] if replies else None)
    turns: list[tuple[Message, Reply]] = []
    while step is not None:
        turns.append((step.message, step))
        step = by_id.get(step.message.parent_id) if step.message.parent_id else None
    return turns[::-1]


def grouped_by_age(person: User | None, *, limit: int = 200) -> Sequence[tuple[str, list[Conversation]]]:
    """This person's conversations under the headings of the sidebar, newest first, empty groups left out."""
    if person is None:
        return []
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    headings = [
        ("Today", today),
        ("Yesterday", today - timedelta(days=1)),
        ("Previous 7 days", today - timedelta(days=7)),
    ]
    groups: dict[str, list[Conversation]] = {}
    for conversation in Conversation.objects.of(person).kept().order_by("-pinned", "-updated_at")[:limit]:
        label = next((name for name, since in headings if conversation.updated_at >= since), "Older")
        groups.setdefault("Pinned" if conversation.pinned else label, []).append(conversation)
    return list(groups.items())
