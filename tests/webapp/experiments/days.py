"""Days on which many people chat, at times that the test chooses. What each is served, and that they met it, comes from
what a worker asks; the words are made up."""

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.test import TestCase

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Message, Reply
from webapp.experiments.services import exposures, serving
from webapp.moderation.services.reports import report

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOT = 1.8
QUESTION, ANSWER, TITLE = "Why does the plover weep?", "The plover weeps for its eggs.", "Plover sorrow"


@dataclass
class Clock:
    """The time that everything asks for; only the test moves it."""

    now: datetime = MORNING


def make_people(num: int) -> list[User]:
    return User.objects.bulk_create(
        User(username=f"person-{number}", is_guest=number % 2 == 0, date_joined=MORNING - 30 * HOUR * 24)
        for number in range(num)
    )


@dataclass
class Days:
    """What people do: they ask three things, ask again for what they do not like, and report what shocks them.

    They like the warm prompt better, and hot sampling shocks some of them; `failed` of the answers do not come.
    """

    kept: float = 0.75
    kept_warm: float = 0.92
    shocked_usually: float = 0.002
    shocked_hot: float = 0.08
    failed: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    luck: random.Random = field(default_factory=lambda: random.Random(6))
    conversations: list[Conversation] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    shocked: list[tuple[User, Reply]] = field(default_factory=list)

    def chats(self, person: User, at: datetime) -> None:
        conversation = Conversation(owner=person, title=TITLE)
        self.conversations.append(conversation)
        answer = None
        for number in range(3):
            asked_at = at + timedelta(minutes=number * 5)
            message = Message(id=uuid.uuid4(), conversation=conversation, parent=answer, text=QUESTION)
            self.messages.append(message)
            answer, served = self._answer(message, asked_at)
            if self.chance.random() > (self.kept_warm if "warm" in served.system_prompt else self.kept):
                self._answer(message, asked_at + timedelta(minutes=1))
            if number == 0 and self.chance.random() < (
                self.shocked_hot if served.temperature == HOT else self.shocked_usually
            ):
                self.shocked.append((person, answer))

    def _answer(self, message: Message, at: datetime) -> tuple[Reply, serving.Served]:
        """As `webapp.chat.services.running` does it: served when it is loaded, counted from when it was asked for."""
        reply = Reply(
            conversation=message.conversation,
            message=message,
            state=Reply.State.FAILED if self.luck.random() < self.failed else Reply.State.DONE,
            epoch=1,
            text=ANSWER,
            seed=1,
            deadline=at + HOUR,
            created_at=at,
            finished_at=at + timedelta(seconds=5),
        )
        served = serving.for_turn(reply)
        reply.prompt_version, reply.arm = served.prompt_version, served.arm
        with TestCase.captureOnCommitCallbacks(execute=True):  # from then on a process knows, and does not write again
            exposures.record(message.conversation.owner, served.exposed, at=reply.created_at)
        self.replies.append(reply)
        return reply, served

    def end(self) -> None:
        """Write it all down."""
        Conversation.objects.bulk_create(self.conversations)
        Message.objects.bulk_create(self.messages)
        Reply.objects.bulk_create(self.replies)
        for person, reply in self.shocked:
            report(person, reply.pk, "hateful")
