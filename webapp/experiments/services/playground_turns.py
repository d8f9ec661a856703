"""What the versions are tried on: turns that were written for it, typed now, or of the tester's own chats."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import UUID

from assistant.ports import ChatMessage
from assistant.prompt_text import content_hash
from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.chat.services.conversations import branch
from webapp.experiments.services import prompts

Messages = Sequence[tuple[str, str]]
"""Pairs of a role, "user" or "assistant", and a text; a person's message is the last."""

MAX_OWN = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedTurn:
    """`after` is the number of the turn of the session that this one goes on from, with each column's own answer."""

    messages: Messages
    after: int | None = None

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        return cls(messages=tuple((role, text) for role, text in stored["messages"]), after=stored["after"])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def content_hash(self) -> str:
        """The same for the same words, in whichever session."""
        return content_hash("\n".join(text for _role, text in self.messages))

    @property
    def question(self) -> str:
        return self.messages[-1][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTurn:
    """A turn of a chat of whoever looks, and of nobody else."""

    reply_id: UUID
    text: str


def typed(text: str, *, after: int | None = None) -> TriedTurn:
    return TriedTurn(messages=(("user", prompts.as_kept(text)),), after=after)


def roles_in_turn(texts: Iterable[str]) -> Messages:
    """A person's message first, then one of the assistant, and so on."""
    return tuple(("assistant" if number % 2 else "user", text) for number, text in enumerate(texts))


def own_turns(person: User) -> Sequence[OwnTurn]:
    """The newest answered turns of the person's own chats; of temporary ones none is taken along."""
    replies = _own_replies(person).select_related("message").order_by("-created_at")[:MAX_OWN]
    return [OwnTurn(reply_id=reply.pk, text=reply.message.text) for reply in replies]


def from_own(person: User, reply_ids: Iterable[UUID]) -> Sequence[TriedTurn]:
    """These turns with all that was said before them. What is not the person's is left out, as if it were not there."""
    replies = _own_replies(person).filter(pk__in=list(reply_ids)).select_related("message", "conversation")
    return [_from_reply(reply) for reply in replies]


def conversation(turns: Sequence[TriedTurn], number: int, answers: Mapping[int, str]) -> tuple[ChatMessage, ...]:
    """What a column is asked in turn `number`. `answers` are its own, by turn; one that is not there is passed over."""
    turn = turns[number]
    messages = tuple(
        ChatMessage(role="assistant" if role == "assistant" else "user", text=text) for role, text in turn.messages
    )
    if turn.after is None:
        return messages
    before = conversation(turns, turn.after, answers)
    answer = answers.get(turn.after)
    if not answer:  # as in a chat: what got no answer is not told again
        return (*before[:-1], *messages)
    return (*before, ChatMessage(role="assistant", text=answer), *messages)


def _own_replies(person: User) -> Any:
    return Reply.objects.filter(
        conversation__owner=person, conversation__is_temporary=False, state=Reply.State.DONE
    ).exclude(text="")


def _from_reply(reply: Reply) -> TriedTurn:
    """As the model is told of a chat: without what was withheld and what never got an answer."""
    said: list[tuple[str, str]] = []
    if reply.message.parent_id is not None:
        parent = Reply.objects.get(pk=reply.message.parent_id)
        for message, answer in branch(reply.conversation, leaf=parent):
            if answer.state != Reply.State.BLOCKED and answer.text:
                said += [("user", message.text), ("assistant", answer.text)]
    return TriedTurn(messages=(*said, ("user", reply.message.text)))
