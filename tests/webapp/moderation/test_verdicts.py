"""Keeping what a guard said."""

from dataclasses import replace
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from assistant.safety import verdict as safety
from tests.webapp.moderation.making import make_reply
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Reply
from webapp.moderation.models import Case, Flag, Verdict
from webapp.moderation.services import appeals, verdicts

pytestmark = pytest.mark.django_db

JUDGEMENT = safety.Verdict(
    action="block",
    score=0.93,
    categories={"hate": 0.93, "privacy": None},
    violated=("hate",),
    guard_id="llama-guard-2",
    policy_version="3",
    latency_ms=41.5,
)


def test_the_name_of_a_guard_may_be_long(conversation: Conversation) -> None:
    """A server that was started with a path calls its model so, and PostgreSQL refuses what is too long."""
    reply = conversation.replies.first()
    assert reply is not None
    name = f"llama-guard-2 /models/{'snapshots/' * 12}8B"
    row = verdicts.record(reply.pk, "output", replace(JUDGEMENT, guard_id=name))
    row.full_clean(exclude=["reply"])
    assert name.startswith(row.guard_id)


def test_a_verdict_is_kept_whole(conversation: Conversation) -> None:
    """What was decided, why, by which guard under which policy, and where in the text it applies."""
    reply = conversation.replies.first()
    assert reply is not None
    row = verdicts.record(reply.pk, "output", JUDGEMENT, char_start=10, char_end=90)
    row.refresh_from_db()
    assert (row.reply, row.direction, row.action, row.score) == (reply, "output", "block", 0.93)
    assert (row.categories, row.violated) == ({"hate": 0.93, "privacy": None}, ["hate"])
    assert (row.guard_id, row.policy_version, row.latency_ms) == ("llama-guard-2", "3", 41.5)
    assert (row.char_start, row.char_end) == (10, 90)


def test_a_verdict_has_no_place_for_text() -> None:
    """Scores and offsets are enough; a copy of the text would need guarding too."""
    fields = {field.name for field in Verdict._meta.get_fields()}
    assert not fields & {"text", "content", "excerpt", "message"}


def test_a_verdict_on_a_reply_that_is_gone_is_refused(conversation: Conversation) -> None:
    """The caller learns that the conversation has been deleted under it."""
    with pytest.raises(IntegrityError), transaction.atomic():  # noqa: PT012  # PostgreSQL raises at the second line
        verdicts.record(uuid4(), "input", JUDGEMENT)
        connection.check_constraints()  # which otherwise waits for the end of the test's own transaction


def test_verdicts_go_with_their_conversation(conversation: Conversation) -> None:
    """Deleting a chat deletes everything about it."""
    conversation.delete()
    assert not Verdict.objects.exists()


JAILBREAK = replace(
    JUDGEMENT, action="log", score=0.1, categories={"prompt_injection": 0.6}, violated=("prompt_injection",)
)


@pytest.mark.parametrize(("score", "num_cases"), [(0.5, 0), (0.79, 0), (0.8, 1), (None, 1)])
def test_a_jailbreak_that_was_answered_is_a_case_where_the_guard_is_rather_sure(
    owner: User, score: float | None, num_cases: int
) -> None:
    """Else the queue fills with what half looks like one. On record it is all the same."""
    reply = make_reply(owner, state="done", text="Bread.")
    verdicts.record(reply.pk, "input", replace(JAILBREAK, categories={"prompt_injection": score}))
    assert (Verdict.objects.count(), Case.objects.count()) == (1, num_cases)


def test_asking_again_and_again_makes_one_case(owner: User) -> None:
    """Of a message that is withheld each time: the queue is not filled with it. Another message is another case."""
    first = make_reply(owner)
    verdicts.record(first.pk, "input", JUDGEMENT)
    retried = []
    for _ in range(3):
        again = Reply.objects.get(pk=first.pk)
        again.pk, again._state.adding = uuid4(), True
        again.save()
        verdicts.record(again.pk, "input", JUDGEMENT)
        retried.append(again)
    assert (Verdict.objects.count(), Case.objects.get().reply) == (4, first)
    verdicts.record(make_reply(owner).pk, "input", JUDGEMENT)
    assert Case.objects.count() == 2
    appealed = appeals.appeal(owner, reply_id=retried[0].pk).case
    assert appealed and (appealed.reply_id, appealed.category) == (retried[0].pk, "hate")


def test_what_a_part_of_the_answer_has_said_is_not_said_again_by_the_whole(owner: User) -> None:
    """One reason is one flag; a stronger one is another, and so is one after the case was closed."""
    reply = make_reply(owner, state="done", text="Bread.")
    for score in (0.9, 0.9, 0.5):
        verdicts.record(reply.pk, "output", replace(JUDGEMENT, action="warn", categories={"hate": score}))
    assert Flag.objects.count() == 1
    verdicts.record(reply.pk, "output", replace(JUDGEMENT, categories={"hate": 0.95}))
    assert Flag.objects.count() == 2
    Case.objects.update(state=Case.State.CLOSED)
    verdicts.record(reply.pk, "output", replace(JUDGEMENT, categories={"hate": 0.95}))
    assert Flag.objects.count() == 3
