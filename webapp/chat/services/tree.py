"""The tree of a conversation: which turns make the branch on the page, and which other versions each turn has.

    message ─┬─ reply 1 ── message ── reply
             └─ reply 2 ─┬─ message ── reply          replies to one message are versions of an answer,
                         └─ message ── reply (end)    messages with one parent are versions of a question

A tree is read as ids only, in two queries, however much was written.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from webapp.chat.models import Conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One turn of a branch. `parent_id` is the reply that its message answers."""

    message_id: UUID
    parent_id: UUID | None
    reply_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Version `number` of `count`. `previous` and `next` are replies: choosing one shows the branch through it."""

    number: int
    count: int
    previous: UUID | None
    next: UUID | None


class Tree:
    """The messages and replies of a conversation as ids, each kind oldest first."""

    def __init__(self, messages: Iterable[tuple[UUID, UUID | None]], replies: Iterable[tuple[UUID, UUID]]) -> None:
        """`messages` are (id, the reply it answers), `replies` are (id, its message). Messages without a reply are
        left out: there is nothing to show of them yet."""
        self._message_of: dict[UUID, UUID] = {}
        self._replies_to: Mapping[UUID, list[UUID]] = defaultdict(list)
        for reply_id, message_id in replies:
            self._message_of[reply_id] = message_id
            self._replies_to[message_id].append(reply_id)
        self._parent_of: dict[UUID, UUID | None] = {}
        self._messages_after: Mapping[UUID | None, list[UUID]] = defaultdict(list)
        for message_id, parent_id in messages:
            if message_id in self._replies_to:
                self._parent_of[message_id] = parent_id
                self._messages_after[parent_id].append(message_id)

    @classmethod
    def of(cls, conversation: Conversation) -> Self:
        return cls(
            conversation.messages.order_by("created_at").values_list("pk", "parent_id"),
            conversation.replies.order_by("created_at").values_list("pk", "message_id"),
        )

    @property
    def newest(self) -> UUID | None:
        """The newest reply."""
        return next(reversed(self._message_of), None)

    def __contains__(self, reply_id: UUID) -> bool:
        return reply_id in self._message_of

    def reply_at(self, turn: UUID) -> UUID | None:
        """The reply that is named, or the newest one to the message that is named."""
        if turn in self._message_of:
            return turn
        return self._replies_to[turn][-1] if turn in self._parent_of else None

    def end_from(self, reply_id: UUID) -> UUID:
        """The end of the branch that goes on from this reply, by the newest turn at each fork."""
        while followers := self._messages_after.get(reply_id):
            reply_id = self._replies_to[followers[-1]][-1]
        return reply_id

    def path_to(self, reply_id: UUID) -> list[Step]:
        """The turns from the first to this reply."""
        steps: list[Step] = []
        step: UUID | None = reply_id
        while step is not None:
            message_id = self._message_of[step]
            parent_id = self._parent_of[message_id]
            steps.append(Step(message_id=message_id, parent_id=parent_id, reply_id=step))
            step = parent_id
        return steps[::-1]

    def answer_versions(self, step: Step) -> Versions | None:
        """The answers to the same message; None if there is one only."""
        return _versions(self._replies_to[step.message_id], step.reply_id)

    def question_versions(self, step: Step) -> Versions | None:
        """The messages in the same place, each named by its newest answer; None if there is one only."""
        siblings = self._messages_after[step.parent_id]
        answers = [
            step.reply_id if message_id == step.message_id else self._replies_to[message_id][-1]
            for message_id in siblings
        ]
        return _versions(answers, step.reply_id)


def end_of_branch(conversation: Conversation, tree: Tree) -> UUID | None:
    """The reply at the end of the branch its owner looks at; None in an empty conversation."""
    at = conversation.selected_id
    if at is None or at not in tree:
        at = tree.newest
    return tree.end_from(at) if at else None


def _versions(siblings: Sequence[UUID], shown: UUID) -> Versions | None:
    if len(siblings) < 2:
        return None
    at = siblings.index(shown)
    return Versions(
        number=at + 1,
        count=len(siblings),
        previous=siblings[at - 1] if at else None,
        next=siblings[at + 1] if at + 1 < len(siblings) else None,
    )
