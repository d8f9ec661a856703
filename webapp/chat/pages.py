"""What the chat page shows, read from rows: a window of the branch its owner looks at, never all of a long chat."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services.attachments import Attachment, attachments_of
from webapp.chat.services.branches import replies_of
from webapp.chat.services.feedback import thumbs_in
from webapp.chat.services.support import shown_support
from webapp.chat.services.tree import Step, Tree, Versions, end_of_branch
from webapp.chat.snapshots import error_of
from webapp.moderation.models import Appeal
from webapp.moderation.services import appeals, reports

WINDOW_TURNS = 30
TURNS_BEFORE_HIT = 5
MAX_MARKED_CHARS = 2000
_CHARS = re.compile(r"(\d{1,7})-(\d{1,7})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReply:
    id: UUID
    state: str
    phase: str
    cursor: str
    blocks: list[str]
    tail: str
    citations: list[dict[str, Any]]
    notices: list[dict[str, Any]]
    code_reports: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    used: dict[str, Any]
    support: list[dict[str, Any]]
    followups: list[str]
    finish_reason: str
    can_continue: bool
    error: dict[str, Any] | None

    @property
    def code_reports_json(self) -> str:
        """For the script that puts them where the code is."""
        return json.dumps(self.code_reports)

    @property
    def support_json(self) -> str:
        """For the script that marks the sentences."""
        return json.dumps(self.support) if self.support else ""

    @property
    def is_active(self) -> bool:
        return self.state in Reply.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTurn:
    """`question_versions` and `answer_versions` are None where there is one version only."""

    message: Message
    attachments: Sequence[Attachment]
    reply: ShownReply
    question_versions: Versions | None
    answer_versions: Versions | None
    review: Appeal | None
    is_reported: bool
    thumb: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownQueued:
    """A message that waits for the answer being written."""

    id: UUID
    text: str
    is_held: bool
    attachments: Sequence[Attachment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Some turns of a branch, oldest first. `leads_to` is the reply that was asked for, if it is one of them."""

    turns: Sequence[ShownTurn] = ()
    has_earlier: bool = False
    leads_to: UUID | None = None


def queued(conversation: Conversation) -> list[ShownQueued]:
    """What waits, in the order of sending."""
    waiting = list(conversation.queued_messages.all())
    attached = attachments_of(conversation.owner_id, waiting)
    return [
        ShownQueued(id=each.pk, text=each.text, is_held=each.is_held, attachments=attached.get(each.pk, ()))
        for each in waiting
    ]


def newest(conversation: Conversation) -> Shown:
    """The end of the branch that its owner looks at."""
    tree = Tree.of(conversation)
    steps = _branch(conversation, tree)
    return _shown(conversation, tree, steps, start=len(steps) - WINDOW_TURNS)


def around(conversation: Conversation, turn: UUID) -> Shown:
    """The branch through this message or reply, from a little before it to the end; the newest if it is not there."""
    tree = Tree.of(conversation)
    reply_id = tree.reply_at(turn)
    if reply_id is None:
        return newest(conversation)
    steps = _branch(conversation, tree)
    if all(turn not in (step.reply_id, step.message_id) for step in steps):
        steps = tree.path_to(tree.end_from(reply_id))
    position = next(number for number, step in enumerate(steps) if turn in (step.reply_id, step.message_id))
    start = min(position - TURNS_BEFORE_HIT, len(steps) - WINDOW_TURNS)
    return _shown(conversation, tree, steps, start=start, leads_to=steps[position].reply_id)


def passage(conversation: Conversation, turn: UUID, chars: str) -> str:
    """What stands at `chars`, as in 12-80, of this message or reply; nothing if it is not there."""
    wanted = _CHARS.fullmatch(chars)
    if wanted is None:
        return ""
    start, end = int(wanted[1]), int(wanted[2])
    rows = (conversation.messages.filter(pk=turn), conversation.replies.filter(pk=turn))
    text = next((row.text for each in rows for row in each.only("text")), "")
    return text[start : min(end, start + MAX_MARKED_CHARS)]


def before(conversation: Conversation, message_id: UUID) -> Shown:
    """The turns before this one on its own branch; nothing if it is not in the conversation."""
    tree = Tree.of(conversation)
    reply_id = tree.reply_at(message_id)
    steps = tree.path_to(reply_id)[:-1] if reply_id else []
    return _shown(conversation, tree, steps, start=len(steps) - WINDOW_TURNS)


def after(conversation: Conversation, reply_id: UUID) -> Shown | None:
    """The turns after this reply; None if it is not on the branch that its owner looks at."""
    tree = Tree.of(conversation)
    steps = _branch(conversation, tree)
    position = next((number for number, step in enumerate(steps, start=1) if step.reply_id == reply_id), None)
    return None if position is None else _shown(conversation, tree, steps, start=position)


def _branch(conversation: Conversation, tree: Tree) -> list[Step]:
    end = end_of_branch(conversation, tree)
    return tree.path_to(end) if end else []


def _shown(
    conversation: Conversation, tree: Tree, steps: Sequence[Step], *, start: int, leads_to: UUID | None = None
) -> Shown:
    start = max(0, start)
    window = steps[start:]
    replies = replies_of(window)
    reviews, reported = appeals.by_reply(conversation), reports.reported_in(conversation)
    thumbs = thumbs_in(conversation)
    attached = attachments_of(conversation.owner_id, [reply.message for reply in replies.values()])
    turns = [
        ShownTurn(
            message=reply.message,
            attachments=attached.get(reply.message_id, ()),
            reply=_shown_reply(reply),
            question_versions=tree.question_versions(step),
            answer_versions=tree.answer_versions(step),
            review=reviews.get(reply.pk),
            is_reported=reply.pk in reported,
            thumb=thumbs.get(reply.pk),
        )
        for step in window
        if (reply := replies.get(step.reply_id)) is not None
    ]
    return Shown(turns=turns, has_earlier=start > 0, leads_to=leads_to)


def _shown_reply(reply: Reply) -> ShownReply:
    return ShownReply(
        id=reply.pk,
        state=reply.state,
        phase=reply.phase,
        cursor=reply.cursor,
        blocks=reply.blocks,
        tail=reply.tail,
        citations=reply.citations,
        notices=reply.notices,
        code_reports=reply.code_reports,
        steps=reply.steps,
        used=reply.used,
        support=shown_support(reply),
        followups=reply.followups,
        finish_reason=reply.finish_reason,
        can_continue=reply.can_continue,
        error=error_of(reply),
    )
