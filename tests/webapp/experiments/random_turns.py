"""An experiment whose people did all kinds of things, at all kinds of moments, drawn from a seed."""

import random
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Feedback, Message, Reply
from webapp.experiments.models import Arm, Experiment, ExperimentMetric, Exposure, Layer, Metric, Phase
from webapp.moderation.models import Appeal, Case, Flag, PolicyVersion, Verdict

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
EDGES = (timedelta(0), timedelta(hours=24), timedelta(hours=72), timedelta(hours=48), timedelta(days=-14))
STRICT = {"input": {"*": {"block": 0.3}}, "output": {"*": {"block": 0.3}}}
_numbers = count(1)


def make_experiment(*metrics: Metric, key: str = "tone") -> Phase:
    """A running one with a control and another arm, and its first phase."""
    layer, _ = Layer.objects.get_or_create(name="main")
    experiment = Experiment.objects.create(
        key=key, name="Tone", hypothesis="Warmer is kept.", layer=layer, state="running", started_at=BEGIN
    )
    Arm.objects.create(experiment=experiment, key="control", name="As it is", is_control=True)
    Arm.objects.create(experiment=experiment, key="warm", name="Warm")
    for metric in metrics:
        ExperimentMetric.objects.create(experiment=experiment, metric=metric, role="secondary")
    return Phase.objects.create(experiment=experiment, number=1, started_at=BEGIN)


def make_metric(kind: str, fact: str, **fields: Any) -> Metric:
    return Metric.objects.create(key=f"m{next(_numbers)}", name=f"{kind} {fact}", kind=kind, fact=fact, **fields)


def expose(phase: Phase, person: User, at: datetime, *, arm: str = "control", **fields: Any) -> Exposure:
    return Exposure.objects.create(phase=phase, person=person, at=at, arm=phase.experiment.arms.get(key=arm), **fields)


def make_turn(
    person: User, at: datetime, *, chat: Conversation | None = None, message: Message | None = None, **fields: Any
) -> Reply:
    """A finished answer that began then, to a message of its own unless one is named, in a chat of its own likewise."""
    chat = chat or Conversation.objects.create(owner=person, title="Chat")
    if message is None:
        message = Message.objects.create(id=uuid4(), conversation=chat, text="Hello", parent=fields.pop("parent", None))
        Message.objects.filter(pk=message.pk).update(created_at=at - timedelta(milliseconds=3))
    given = {"state": "done", "text": "Good day", "epoch": 1, "seed": 1, "deadline": at, **fields}
    return Reply.objects.create(conversation=chat, message=message, created_at=at, **given)


def make_person(**fields: Any) -> User:
    return User.objects.create_user(f"person{next(_numbers)}", **fields)


def fill(phase: Phase, *, seed: int, num_people: int) -> None:
    """People with chats before, in and after the windows; some of them testers, some exposed and silent."""
    rng = random.Random(seed)
    version = PolicyVersion.objects.create(number=next(_numbers), rules=STRICT, note="Stricter.")
    phase.experiment.arms.filter(key="warm").update(shadow_policy=version)
    for _ in range(num_people):
        person = make_person()
        at = BEGIN + timedelta(seconds=rng.randrange(5 * 86_400), microseconds=rng.choice((0, 0, 5, 999_999)))
        if rng.random() < 0.9:
            expose(
                phase,
                person,
                at,
                arm=rng.choice(("control", "warm")),
                language=rng.choice(("en", "de", "")),
                device=rng.choice(("phone", "desktop")),
                is_guest=rng.random() < 0.3,
                is_new=rng.random() < 0.5,
                is_forced=rng.random() < 0.1,
                is_mixed=rng.random() < 0.1,
            )
        for _ in range(rng.randrange(5)):
            _chat(rng, person, at)


def _chat(rng: random.Random, person: User, exposed_at: datetime) -> None:
    chat = Conversation.objects.create(owner=person, title="Chat", is_temporary=rng.random() < 0.1)
    begins = rng.choice((exposed_at + rng.choice(EDGES), exposed_at + timedelta(hours=rng.uniform(-400, 120))))
    parent: Reply | None = None
    for _ in range(rng.randrange(1, 5)):
        origin = rng.choice(("", "followup" if parent else "starter"))
        message = Message.objects.create(id=uuid4(), conversation=chat, text="?", parent=parent, origin=origin)
        asked_at = begins - timedelta(milliseconds=rng.choice((0, 4)))
        Message.objects.filter(pk=message.pk).update(created_at=asked_at)
        earlier: Reply | None = None
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            continues = earlier if rng.random() < 0.3 else None
            earlier = _reply(rng, chat, message, begins, continues)
            begins += timedelta(seconds=rng.randrange(1, 100_000), microseconds=rng.choice((0, 1)))
        if rng.random() < 0.7:
            parent = earlier  # else the next message is another version of this one


def _reply(rng: random.Random, chat: Conversation, message: Message, at: datetime, continues: Reply | None) -> Reply:
    is_copy, is_import = rng.random() < 0.05, rng.random() < 0.05
    state = rng.choice(("done", "done", "done", "done", "cancelled", "failed", "blocked"))
    timings = {"first_text": rng.uniform(0, 4000), "finished": rng.uniform(4000, 9000)} if rng.random() < 0.8 else {}
    reply = Reply.objects.create(
        conversation=chat,
        message=message,
        created_at=at - timedelta(days=3) if is_copy else at,
        state=state,
        epoch=0 if is_import else rng.randrange(1, 4),
        text="é" * rng.randrange(400),
        usage={"reply_tokens": rng.randrange(200), "prompt_tokens": 9} if rng.random() < 0.8 else {},
        timings=timings,
        citations=[{"number": 1}] * rng.randrange(3),
        support=rng.choice((None, {"num_cited": 3, "num_supported": rng.randrange(4), "sentences": []})),
        copied_at=at if rng.random() < 0.2 else None,
        continued_from=continues,
        deadline=at,
        seed=1,
    )
    person = chat.owner
    if rng.random() < 0.4:
        Feedback.objects.create(reply=reply, person=person, thumb=rng.choice((-1, 1, 1)))
    for direction in ("input", "output"):
        if rng.random() < 0.4:
            score = rng.random()
            Verdict.objects.create(
                reply=reply,
                direction=direction,
                action="block" if score > 0.5 else "allow",
                score=score,
                categories={"hate": score},
                guard_id="embedded-1",
                policy_version="1",
                latency_ms=1.0,
            )
    if rng.random() < 0.15:
        case = Case.objects.create(reply=reply, person=person, opened_at=at)
        Flag.objects.create(case=case, source=rng.choice(("report", "report", "guard_output", "shared")))
        if rng.random() < 0.5:
            Appeal.objects.create(person=person, case=case)
    return reply
