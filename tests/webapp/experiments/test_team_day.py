"""The days of a product team with 2,000 people, through the services of the pages: two ideas, two decisions."""

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from tests.webapp.experiments.planning import measure
from tests.webapp.experiments.team import approved, member_of
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Message, Reply
from webapp.experiments.evidence import evidence_on
from webapp.experiments.models import Arm, Experiment, ExperimentMetric, Exposure, Layer, ProductionChange
from webapp.experiments.services import exposures, labels, life, serving, shipping, ticking
from webapp.experiments.services.analysis import analyse
from webapp.experiments.services.figures import figures_of
from webapp.experiments.services.snapshots import refresh
from webapp.moderation.services.reports import report

pytestmark = pytest.mark.django_db

NUM_PEOPLE = 2_000
MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
Role = ExperimentMetric.Role


@dataclass
class Clock:
    """The time that everything asks for; only the test moves it."""

    now: datetime = MORNING


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    return clock


@pytest.fixture
def team(clock: Clock) -> tuple[User, User]:
    return member_of("experimenter", "ada"), member_of("experimenter", "grace")


def planned(key: str, owner: User, better: dict[str, object]) -> Experiment:
    """A draft in a layer of its own, as the form makes it."""
    experiment = Experiment.objects.create(
        key=key, name=key, hypothesis="Answers get better.", owner=owner, layer=Layer.objects.create(name=key)
    )
    Arm.objects.create(experiment=experiment, key="a", name="As it is", is_control=True)
    Arm.objects.create(experiment=experiment, key="b", name="Another way", **better)
    measure(experiment, "kept_rate", Role.GOAL, margin=0.02)
    measure(experiment, "reports", Role.GUARDRAIL, margin=0.01)
    return experiment


def make_people() -> list[User]:
    return User.objects.bulk_create(
        User(username=f"person-{number}", is_guest=number % 2 == 0, date_joined=MORNING - 30 * HOUR * 24)
        for number in range(NUM_PEOPLE)
    )


@dataclass
class Days:
    """What people do: they ask three things, ask again for what they do not like, and report what shocks them.

    They like the warm prompt better, and hot sampling shocks some of them.
    """

    chance: random.Random = field(default_factory=lambda: random.Random(5))
    conversations: list[Conversation] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    shocked: list[tuple[User, Reply]] = field(default_factory=list)

    def chats(self, person: User, at: datetime) -> None:
        conversation = Conversation(owner=person, title="A chat")
        self.conversations.append(conversation)
        answer = None
        for number in range(3):
            served = serving.for_next_turn(person)
            exposures.record(person, served.assigned, at=at)
            asked_at = at + timedelta(minutes=number * 5)
            message = Message(id=uuid.uuid4(), conversation=conversation, parent=answer, text="A question")
            self.messages.append(message)
            answer = self._answer(message, served, asked_at)
            if self.chance.random() > (0.92 if "warm" in served.system_prompt else 0.75):
                self._answer(message, served, asked_at + timedelta(minutes=1))
            if number == 0 and self.chance.random() < (0.08 if served.temperature == 1.8 else 0.002):
                self.shocked.append((person, answer))

    def _answer(self, message: Message, served: serving.Served, at: datetime) -> Reply:
        reply = Reply(
            conversation=message.conversation,
            message=message,
            state=Reply.State.DONE,
            epoch=1,
            text="An answer.",
            prompt_version=served.prompt_version,
            arm=served.arm,
            seed=1,
            deadline=at + HOUR,
            created_at=at,
            finished_at=at + timedelta(seconds=5),
        )
        self.replies.append(reply)
        return reply

    def end(self) -> None:
        """Write it all down."""
        Conversation.objects.bulk_create(self.conversations)
        Message.objects.bulk_create(self.messages)
        Reply.objects.bulk_create(self.replies)
        for person, reply in self.shocked:
            report(person, reply.pk, "hateful")


def test_two_versions_in_the_morning_two_decisions_in_the_end(team: tuple[User, User], clock: Clock) -> None:
    """One arm is truly better and is shipped; the other breaks a guardrail and is rolled back by nobody."""
    ada, grace = team
    warm = approved("You are Cria, a warm assistant.", author=ada, by=grace)
    better = life.start(planned("warm", ada, {"prompt": warm}), by=ada)
    hot = life.start(planned("hot", grace, {"temperature": 1.8}), by=grace)
    before = serving.in_production()
    people, days = make_people(), Days()
    for day in range(2):
        for number, person in enumerate(people[day::2]):
            days.chats(person, MORNING + day * 24 * HOUR + number * timedelta(seconds=30))
    days.end()

    assert Exposure.objects.filter(phase__experiment=better).count() == NUM_PEOPLE
    assert analyse(better, now=clock.now).recommendation.badge == "no_data"

    rolled_back_after = None
    for hours in range(24, 24 * 8, 6):
        clock.now = MORNING + hours * HOUR
        ticking.tick(clock.now)
        if hours % 24 == 18:  # at two in the morning
            refresh(better, now=clock.now)
        if rolled_back_after is None and Experiment.objects.get(pk=hot.pk).is_over:
            rolled_back_after = hours

    hot.refresh_from_db()
    assert (hot.state, hot.decision, hot.decided_by) == ("stopped", "roll_back", None)
    assert rolled_back_after is not None
    assert rolled_back_after <= 24 * 3 + 6, "the windows of a guardrail are a day"
    assert hot.events.get(kind="stop").details["broken"][0]["metric"] == "reports"
    assert analyse(hot, now=clock.now).recommendation.badge == "roll_back"

    found = analyse(better, now=clock.now)
    assert found.health.is_healthy
    assert found.recommendation.badge == "ship"
    assert found.leader is not None
    assert found.leader.prompt == warm
    kept = next(row for row in found.rows if row.metric.key == "kept_rate")
    assert kept.effect.of_difference.low > 0
    assert kept.base.n + kept.side.n == NUM_PEOPLE

    evidence = evidence_on(figures_of(found, now=clock.now), found.leader.pk, advice="ship")
    shipping.ship(better, found.leader, by=ada, reason="People keep more of the answers.", evidence=evidence)
    better.refresh_from_db()
    assert (better.state, better.decision, better.shipped) == ("stopped", "ship", found.leader)
    after = serving.in_production()
    assert labels.production() == warm
    assert after.prompt_version == warm.content_hash != before.prompt_version
    assert {serving.for_next_turn(person).prompt_version for person in people[:50]} == {warm.content_hash}
    assert not ProductionChange.objects.exists(), "the prompt is all that this arm changed"

    labels.rollback(by=grace, reason="Let us see.")
    assert serving.in_production().prompt_version == before.prompt_version
