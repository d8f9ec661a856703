"""How temporary chats end. Their keys go first: from that moment on nobody reads them, here or in a backup.

The rows are erased then, but for turns whose keys the staff has (`webapp.moderation.services.evidence`): those that
were withheld or reported stay, sealed, for as long as their case.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat import temporary_keys
from webapp.chat.models import Comparison, Conversation, Feedback, Message, Reply, Summary
from webapp.chat.services.erasing import erase, forget_logs

BATCH = 100


def close(person: User | None, some_id: UUID) -> None:
    """End the conversation of this id if it is there, temporary and this person's: nothing else ends by closing a page.
    One that had not heard of its conversation yet names the turn that it sent."""
    with_turn = Message.objects.filter(pk=some_id).values("conversation")
    named = Conversation.objects.filter(Q(pk=some_id) | Q(pk__in=with_turn))
    end(named.filter(owner=person))


def end_silent() -> int:
    """End those of which nothing was heard for long, neither a turn nor that their page is open (it says so each
    minute); how many there were, at most a hundred at once. An answer that is being written is waited for."""
    long_ago = timezone.now() - temporary_keys.KEPT_FOR
    silent = Conversation.objects.filter(updated_at__lt=long_ago, seen_at__lt=long_ago)
    return end(silent.exclude(replies__state__in=Reply.ACTIVE).order_by("seen_at"))


def end(chats: QuerySet[Conversation]) -> int:
    """End the temporary ones of these, at most a hundred; how many there were."""
    found = list(chats.filter(is_temporary=True, ended_at=None).values_list("pk", flat=True)[:BATCH])
    temporary_keys.forget(found)
    if found:
        _leave_to_the_staff(found)
    return len(found)


def erase_left_over() -> int:
    """Erase ended ones of which the staff has nothing to look at any more; how many there were."""
    ended = Conversation.objects.filter(is_temporary=True, ended_at__isnull=False)
    return erase(ended.exclude(pk__in=_looked_at().values("conversation")))


def _looked_at() -> QuerySet[Reply]:
    return Reply.objects.filter(conversation__is_temporary=True, case__sealed_key__isnull=False)


@transaction.atomic
def _leave_to_the_staff(ids: list[UUID]) -> None:
    """Erase all but the turns that the staff looks at: of each, its message and that one answer."""
    kept = list(_looked_at().filter(conversation__in=ids).values_list("pk", "message_id", "conversation_id"))
    with_some = {conversation_id for _reply_id, _message_id, conversation_id in kept}
    erase(Conversation.objects.filter(pk__in=set(ids) - with_some))
    if not kept:
        return
    replies, messages = [row[0] for row in kept], [row[1] for row in kept]
    chats = Conversation.objects.filter(pk__in=with_some)
    chats.update(ended_at=timezone.now(), selected=None, folder=None, pinned=False)
    forget_logs(Reply.objects.filter(conversation__in=with_some))
    for chat in chats:
        chat.queued_messages.all().delete()
        chat.tags.all().delete()
    Message.objects.filter(pk__in=messages).update(parent=None)
    Message.objects.filter(conversation__in=with_some).exclude(pk__in=messages).delete()
    Reply.objects.filter(conversation__in=with_some).exclude(pk__in=replies).delete()
    for about in (Summary, Feedback):
        about.objects.filter(reply__in=replies).delete()
    Comparison.objects.filter(message__in=messages).delete()
    stopped = {"state": Reply.State.CANCELLED, "epoch": F("epoch") + 1, "lease_until": None, "phase": ""}
    Reply.objects.active().filter(pk__in=replies).update(**stopped, finished_at=timezone.now())
