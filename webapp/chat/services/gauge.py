"""How full the window of the model is on the branch that is shown, by what was counted for its last answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from assistant.prompt import estimate_tokens, message_tokens
from assistant.window import Filled
from webapp.chat.models import Conversation, Reply, Summary
from webapp.chat.services import summaries
from webapp.chat.services.history import is_summarised, messages_of
from webapp.chat.services.tree import Tree, end_of_branch

WORTH_A_WORD = 50
_LOOKED_AT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    name: str
    num_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """`percent` of the room is taken, by `parts`; None where no answer says so. `summary` stands for the turns up to
    its reply, on this branch. `can_summarise`: there are turns before the last one that it does not stand for. Where
    its owner wants no summaries there is none, and none to be had."""

    percent: int | None = None
    num_tokens: int = 0
    room: int = 0
    parts: Sequence[Part] = ()
    summary: Summary | None = None
    is_being_written: bool = False
    has_failed: bool = False
    can_summarise: bool = False

    @property
    def is_worth_a_word(self) -> bool:
        return self.is_being_written or (self.percent or 0) >= WORTH_A_WORD


def gauge_of(conversation: Conversation) -> Gauge:
    """The branch is read as ids and states; of texts, those of its last turns at most."""
    tree = Tree.of(conversation)
    branch = summaries.states_up_to(conversation, tree, end_of_branch(conversation, tree))
    wants_one = is_summarised(conversation)
    placed = summaries.placed_in(branch) if wants_one else None
    num_covered = placed.num_turns if placed else 0
    since = [state for _reply_id, _epoch, state in branch[num_covered:] if state != Reply.State.BLOCKED]
    about = Gauge(
        summary=placed.summary if placed else None,
        is_being_written=wants_one and summaries.is_being_written(conversation),
        has_failed=summaries.failed_in(branch) > num_covered,
        can_summarise=wants_one and len(since) > 1 and not any(state in Reply.ACTIVE for state in since),
    )
    last = _last_counted(branch)
    if last is None:
        return about
    filled = Filled(**last.filled)
    if placed and placed.summary.finished_at and placed.summary.finished_at > last.created_at:
        filled = _compacted(filled, last, branch[placed.num_turns :], placed.summary)
    answer_tokens = last.usage.get("reply_tokens") or estimate_tokens(last.text)
    num_tokens = filled.total + answer_tokens
    return replace(
        about,
        percent=min(100, round(100 * num_tokens / filled.room)),
        num_tokens=num_tokens,
        room=filled.room,
        parts=_parts(filled, answer_tokens),
    )


def _last_counted(branch: Sequence[summaries.State]) -> Reply | None:
    """The last answer that is over and says how full its prompt was."""
    over = [reply_id for reply_id, _epoch, state in branch if state not in (*Reply.ACTIVE, Reply.State.BLOCKED)]
    rows = Reply.objects.filter(pk__in=over[-_LOOKED_AT:]).only("filled", "text", "usage", "created_at")
    counted = {row.pk: row for row in rows if row.filled}
    return next((counted[reply_id] for reply_id in reversed(over) if reply_id in counted), None)


def _compacted(filled: Filled, last: Reply, since: Sequence[summaries.State], summary: Summary) -> Filled:
    """As the next prompt will be: the summary was written after this answer."""
    kept = [reply_id for reply_id, _epoch, _state in since if reply_id != last.pk]
    turns = [(row.message, row) for row in Reply.objects.filter(pk__in=kept).select_related("message")]
    return replace(filled, summary=estimate_tokens(summary.text), earlier=sum(map(message_tokens, messages_of(turns))))


def _parts(filled: Filled, answer_tokens: int) -> Sequence[Part]:
    parts = (
        Part(name=_("Instructions"), num_tokens=filled.instructions),
        Part(name=_("Summary of earlier turns"), num_tokens=filled.summary),
        Part(name=_("Earlier turns"), num_tokens=filled.earlier),
        Part(name=_("Memories"), num_tokens=filled.memories),
        Part(name=_("Documents and other finds"), num_tokens=filled.documents),
        Part(name=_("Your last message"), num_tokens=filled.question),
        Part(name=_("The last answer"), num_tokens=answer_tokens),
    )
    return [part for part in parts if part.num_tokens]
