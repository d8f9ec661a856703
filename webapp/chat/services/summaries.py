"""The rows of summaries: which one stands for the beginning of a branch, and who writes the next.

A branch is given as its turns, oldest first, each as (reply, its epoch, its state). A summary is used where all turns
that it covers are as they were when they were read: an answer that was withheld, released or erased since is another
way, and another branch has other turns.

    claimed ──written, guarded──▶ kept
       │ ├─ nothing of use ─────▶ failed: not tried by itself again until much more was said
       │ └─ somebody is talking ▶ gone
       ▼ the worker died: free again after WRITTEN_WITHIN
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp.chat.errors import NotFound
from webapp.chat.models import Conversation, Message, QueuedMessage, Reply, Summary
from webapp.chat.models.summaries import SummaryQuerySet
from webapp.chat.services.conversations import locked
from webapp.chat.services.tree import Tree

State = tuple[UUID, int, str]

WAITING_AFTER = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A summary of the first `num_turns` turns of a branch."""

    summary: Summary
    num_turns: int


def states_of(turns: Sequence[tuple[Message, Reply]]) -> list[State]:
    return [(reply.pk, reply.epoch, reply.state) for _message, reply in turns]


def states_up_to(conversation: Conversation, tree: Tree, end: UUID | None) -> list[State]:
    """Those of the branch that ends in this reply, without a text being read."""
    steps = tree.path_to(end) if end and end in tree else []
    known: dict[UUID, State] = {row[0]: row for row in conversation.replies.values_list("pk", "epoch", "state")}
    return [known[step.reply_id] for step in steps if step.reply_id in known]


def placed_in(branch: Sequence[State]) -> Placed | None:
    """The summary that covers most of this branch, if there is one that can be used."""
    written = Summary.objects.exclude(text="")
    return _furthest(branch, {row.reply_id: row for row in _on(branch, written)}, is_checked=True)


def failed_in(branch: Sequence[State]) -> int:
    """How many turns the longest attempt covers of which nothing came; 0 for none."""
    failed = _furthest(branch, {row.reply_id: row for row in _on(branch, Summary.objects.failed())}, is_checked=False)
    return failed.num_turns if failed else 0


def is_talked_in(conversation_id: UUID) -> bool:
    """Whether an answer is being written or about to be: that comes first."""
    waits = QueuedMessage.objects.filter(conversation=conversation_id, is_held=False)
    return Reply.objects.active().filter(conversation=conversation_id).exists() or waits.exists()


def is_being_written(conversation: Conversation) -> bool:
    return Summary.objects.being_written().filter(reply__conversation=conversation).exists()


def claim(conversation: Conversation, covered: Sequence[State]) -> Summary | None:
    """Become the one who writes the summary of these turns, or None: another one is being written, somebody is
    talking, or the conversation is gone."""
    try:
        with transaction.atomic():
            locked(conversation)
            if is_talked_in(conversation.pk) or is_being_written(conversation):
                return None
            begun = {"text": "", "covers": _digest(covered), "started_at": timezone.now(), "finished_at": None}
            summary, _is_new = Summary.objects.update_or_create(reply_id=covered[-1][0], defaults=begun)
            return summary
    except (NotFound, IntegrityError):
        return None  # erased a moment ago


def is_anybody_waiting() -> bool:
    """Whether a turn waits for a worker, in whatever conversation, for longer than that takes when one is free."""
    due = timezone.now() - WAITING_AFTER
    return Reply.objects.filter(state=Reply.State.QUEUED, not_before__lte=due).exists()


@transaction.atomic
def keep(summary: Summary, conversation: Conversation, text: str) -> bool:
    """Store what was written, or with "" that nothing came of it. False, and the claim is gone, if somebody talks now,
    or a turn that it covers is another way than it was read: withheld, perhaps.

    Who sends, and who withholds, locks the same row first, so that no turn ever has two prompts.
    """
    try:
        locked(conversation)
    except NotFound:
        return False
    is_as_it_was = summary.covers == _digest(states_up_to(conversation, Tree.of(conversation), summary.reply_id))
    if is_talked_in(conversation.pk) or not is_as_it_was:
        give_up(summary)
        return False
    mine = Summary.objects.filter(pk=summary.pk, started_at=summary.started_at, finished_at=None)
    return bool(mine.update(text=text, finished_at=timezone.now()))


def give_up(summary: Summary) -> None:
    """Leave it to another time."""
    Summary.objects.filter(pk=summary.pk, started_at=summary.started_at, finished_at=None).delete()


def forget(reply_id: UUID) -> None:
    """Delete what may have its words: the summaries that cover it, whether they are used, written now or void."""
    rows = list(Summary.objects.filter(reply__conversation__replies=reply_id).select_related("reply__conversation"))
    if not rows:
        return
    tree = Tree.of(rows[0].reply.conversation)
    covering = [row.pk for row in rows if reply_id in (step.reply_id for step in tree.path_to(row.reply_id))]
    Summary.objects.filter(pk__in=covering).delete()


def copy_summary(branch: Sequence[State], copies: Sequence[State]) -> None:
    """The copy of a branch begins with the same summary. `copies` are the same turns there."""
    placed = placed_in(branch)
    if placed is not None:
        covered, original = copies[: placed.num_turns], placed.summary
        Summary.objects.create(
            reply_id=covered[-1][0],
            text=original.text,
            covers=_digest(covered),
            started_at=original.started_at,
            finished_at=original.finished_at,
        )


def _on(branch: Sequence[State], rows: SummaryQuerySet) -> SummaryQuerySet:
    return rows.filter(reply__in=[reply_id for reply_id, _epoch, _state in branch])


def _furthest(branch: Sequence[State], rows: dict[UUID, Summary], *, is_checked: bool) -> Placed | None:
    for num_turns in range(len(branch), 0, -1):
        row = rows.get(branch[num_turns - 1][0])
        if row is not None and (not is_checked or row.covers == _digest(branch[:num_turns])):
            return Placed(summary=row, num_turns=num_turns)
    return None


def _digest(turns: Sequence[State]) -> str:
    return hashlib.sha256(
        repr([(str(reply_id), epoch, state) for reply_id, epoch, state in turns]).encode()
    ).hexdigest()
