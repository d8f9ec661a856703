"""Keeping what a guard said."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from assistant.safety import verdict as safety
from webapp.chat.models import Conversation
from webapp.moderation.models import Verdict
from webapp.moderation.services import verdicts

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
