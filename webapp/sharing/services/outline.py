"""A conversation with all its branches in one order of reading: the branch its owner looks at, and at each fork the
other versions, set apart.

    question ── answer ── (open ── answer 2 ── … ── close) ── next question ── …
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from webapp.chat.models import Conversation
from webapp.chat.services.tree import Tree, end_of_branch


@dataclass(frozen=True, slots=True)
class Part:
    """`object_id` is the message or the reply, and where a version is set apart, what it begins with."""

    kind: Literal["question", "answer", "open", "close"]
    object_id: UUID


@dataclass(frozen=True, slots=True)
class _After:
    """What follows this reply is still to be told."""

    reply_id: UUID | None


class _Outline:
    def __init__(self, conversation: Conversation) -> None:
        self._answers: dict[UUID, list[UUID]] = defaultdict(list)
        self._questions: dict[UUID | None, list[UUID]] = defaultdict(list)
        for reply_id, message_id in conversation.replies.order_by("created_at").values_list("pk", "message_id"):
            self._answers[message_id].append(reply_id)
        for message_id, parent_id in conversation.messages.order_by("created_at").values_list("pk", "parent_id"):
            self._questions[parent_id].append(message_id)
        tree = Tree.of(conversation)
        end = end_of_branch(conversation, tree)
        path = tree.path_to(end) if end else []
        self._main = {step.message_id for step in path} | {step.reply_id for step in path}

    def parts(self) -> Iterator[Part]:
        to_tell: list[Part | _After] = [_After(None)]  # a stack of our own: branches can be deeper than Python's
        while to_tell:
            step = to_tell.pop()
            if isinstance(step, Part):
                yield step
                continue
            questions = self._questions.get(step.reply_id)
            if questions:
                to_tell += reversed(self._fork(questions))

    def _fork(self, questions: list[UUID]) -> list[Part | _After]:
        main, others = self._chosen(questions)
        parts, end = self._turn(main)
        for question in others:
            other, its_end = self._turn(question)
            parts += [Part("open", question), *other, *its_end, Part("close", question)]
        return parts + end

    def _turn(self, question: UUID) -> tuple[list[Part | _After], list[Part | _After]]:
        """The question with its answers, and what goes on from the main answer."""
        parts: list[Part | _After] = [Part("question", question)]
        answers = self._answers.get(question)
        if not answers:
            return parts, []
        main, others = self._chosen(answers)
        parts.append(Part("answer", main))
        for answer in others:
            parts += [Part("open", answer), Part("answer", answer), _After(answer), Part("close", answer)]
        return parts, [_After(main)]

    def _chosen(self, versions: list[UUID]) -> tuple[UUID, list[UUID]]:
        main = next((version for version in versions if version in self._main), versions[-1])
        return main, [version for version in versions if version != main]


def parts_of(conversation: Conversation) -> Iterator[Part]:
    """Everything in the conversation, once."""
    return _Outline(conversation).parts()
