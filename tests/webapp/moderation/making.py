"""Cases and their people, for the tests of the queue."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Message, Reply
from webapp.moderation.models import Appeal, Case, Review, Verdict
from webapp.moderation.services import cases, looks, originals
from webapp.moderation.services.consequences import carry_out_due

SECRET = "my-secret-diagnosis"


def make_moderator(name: str = "mo", *, role: str = "moderator") -> User:
    moderator = User.objects.create_user(name, is_staff=True)
    moderator.groups.add(Group.objects.get(name=role))
    return moderator


def make_reply(owner: User, *, question: str = SECRET, text: str = "", state: str = "blocked") -> Reply:
    """A turn in a chat of its own, withheld before it was answered unless another state is named."""
    conversation = Conversation.objects.create(owner=owner, title=SECRET)
    return add_turn(conversation, question=question, text=text, state=state)


def add_turn(
    conversation: Conversation, *, question: str, text: str = "", state: str = "done", parent: Reply | None = None
) -> Reply:
    message = Message.objects.create(id=uuid4(), conversation=conversation, text=question, parent=parent)
    return Reply.objects.create(
        conversation=conversation,
        message=message,
        state=state,
        text=text,
        input_checked=state != "blocked",
        deadline=timezone.now() + timedelta(minutes=5),
        seed=1,
        model_id="smollm2-135m",
    )


def make_verdict(
    reply: Reply,
    *,
    direction: str = "input",
    category: str = "hate",
    score: float = 0.9,
    span: tuple[int, int] = (0, 0),
    guard: str = "embedded-1",
    language: str = "",
) -> Verdict:
    return Verdict.objects.create(
        reply=reply,
        direction=direction,
        action="block",
        score=score,
        categories={category: score},
        violated=[category],
        guard_id=guard,
        policy_version="1",
        latency_ms=12.5,
        char_start=span[0],
        char_end=span[1],
        language=language,
    )


def make_case(owner: User, *, category: str = "hate", score: float = 0.9, language: str = "") -> Case:
    """What a guard flagged: a withheld message in a chat of its own."""
    reply = make_reply(owner)
    verdict = make_verdict(reply, category=category, score=score, language=language)
    return cases.flag(reply.pk, "guard_input", verdict=verdict, category=category, score=score)


def close(case: Case, by: User, outcome: str = "agreed", **more: Any) -> Review:
    """Decide the case as it is now."""
    case.refresh_from_db()
    return cases.decide(case.pk, reviewer=by, version=case.version, outcome=outcome, **more)


def close_after_look(case: Case, by: User, outcome: str = "agreed", **more: Any) -> Review:
    """The same, by somebody who has read it: whoever says no to an appeal has."""
    looks.look(case, staff=by)
    return close(case, by, outcome, **more)


def at_once(act: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
    """What `act` returns for each argument, all of them running at the same moment."""
    start = threading.Barrier(len(arguments))

    def run(argument: Any) -> Any:
        start.wait()
        try:
            return act(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(run, arguments))


def withheld_answer(owner: User, text: str) -> Case:
    reply = make_reply(owner)
    Reply.objects.filter(pk=reply.pk).update(input_checked=True)
    originals.keep(reply.pk, text)
    return cases.flag(reply.pk, "guard_output", verdict=make_verdict(reply, direction="output"), category="hate")


def appeal_against(case: Case) -> Appeal:
    appeal = Appeal.objects.create(person=case.person, case=case, text="Please look again")
    cases.flag(case.reply_id, "appeal", text=appeal.text)
    return appeal


def let_time_pass() -> None:
    """Until nothing can be undone any more; then beat comes by."""
    Review.objects.filter(due_at__isnull=False).update(due_at=timezone.now() - timedelta(seconds=1))
    carry_out_due()
