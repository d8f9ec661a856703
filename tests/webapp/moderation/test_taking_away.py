"""An answer that was shown and is taken away: from every place that has its words."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.webapp.moderation.making import (
    SECRET,
    add_turn,
    close,
    close_after_look,
    let_time_pass,
    make_moderator,
    make_reply,
    withheld_answer,
)
from webapp.accounts.models import User
from webapp.chat.errors import CannotContinue
from webapp.chat.models import Conversation, Reply
from webapp.chat.services import turns
from webapp.chat.services.duplicating import duplicate
from webapp.moderation.models import AuditEntry, Case, Verdict
from webapp.moderation.services import appeals, cases, originals, records, reports
from webapp.moderation.services.appeals import CannotAppeal
from webapp.moderation.services.case_rules import CannotDecide
from webapp.privacy.services import contents
from webapp.sharing.models import ShareLink

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("redis")
@pytest.mark.django_db(transaction=True)
def test_a_reported_answer_can_be_taken_away(owner: User) -> None:
    """It is sealed like one that the guard withheld, its turn log forgets it, and its person is told and may appeal."""
    moderator = make_moderator()
    reply = make_reply(owner, state="done", text="All llamas are thieves.")
    Reply.objects.filter(pk=reply.pk).update(blocks=["<p>All llamas are thieves.</p>"], followups=["Which llamas?"])
    Conversation.objects.filter(pk=reply.conversation_id).update(title="Thieving Llamas", titled_by="assistant")
    add_turn(reply.conversation, question="And now?", text="Nothing.", parent=reply)
    case = reports.report(owner, reply.pk, "hateful")
    close(case, moderator, consequence="withhold")
    reply.refresh_from_db()
    assert (reply.state, reply.text) == ("done", "All llamas are thieves.")

    let_time_pass()
    reply.refresh_from_db()
    assert (reply.state, reply.text, reply.followups, reply.epoch) == ("blocked", "", [], 1)
    assert "hate against groups of people" in reply.blocks[0]
    assert Conversation.objects.get(pk=reply.conversation_id).title == SECRET
    kept = originals.read(reply.pk)
    assert kept is not None
    assert kept.text == "All llamas are thieves."
    assert [act.action for act in AuditEntry.objects.filter(subject_ref=str(reply.pk))] == ["withhold"]
    (shown,) = records.record_of(owner).turns
    assert (shown.category, shown.side) == ("hate against groups of people", "output")
    assert not Case.objects.filter(person=owner).broken_since(timezone.now() - timedelta(days=1)).exists()

    appeal = appeals.appeal(owner, reply_id=reply.pk)
    close_after_look(case, make_moderator("mia"), "disagreed")
    let_time_pass()
    appeal.refresh_from_db()
    reply.refresh_from_db()
    assert (appeal.state, reply.state, reply.text) == ("granted", "done", "All llamas are thieves.")


@pytest.mark.usefixtures("redis")
@pytest.mark.django_db(transaction=True)
def test_what_has_its_words_goes_with_it(owner: User) -> None:
    """What it goes on from, what goes on from it, written now too, and a copy: but no other answer, nor another's."""
    first = make_reply(owner, state="cancelled", text="All llamas")
    Reply.objects.filter(pk=first.pk).update(blocks=["<p>All llamas</p>"])
    reported = version(first, text="All llamas are thieves", continued_from=first)
    running = version(first, text="All llamas are thieves", continued_from=reported, state="running")
    kept = [version(first, text="Llamas are kind."), make_reply(User.objects.create_user("bo"), text=reported.text)]
    Reply.objects.filter(pk=kept[1].pk).update(state="done")
    copied = duplicate(first.conversation, upto=reported.pk).replies.get()
    link = ShareLink.objects.create(
        owner=owner, conversation=copied.conversation, token="x", turns=[{"reply": str(copied.pk), "text": "thieves"}]
    )
    assert "thieves" in str(contents.of(owner)["links"])

    close(reports.report(owner, reported.pk, "hateful"), make_moderator(), consequence="withhold")
    let_time_pass()
    assert set(Reply.objects.filter(finish_reason="staff", text="")) == {first, reported, running, copied}
    assert not Reply.objects.exclude(pk=kept[1].pk).filter(text__contains="thieves").exists()
    assert [Reply.objects.get(pk=reply.pk).state for reply in kept] == ["done", "done"]
    running.refresh_from_db()
    assert (running.state, running.lease_until) == ("blocked", None)
    assert len(AuditEntry.objects.get(action="withhold").details["with_it"]) == 3
    assert {shown.category for shown in records.record_of(owner).turns} == {"hate against groups of people"}
    assert "thieves" not in str(contents.of(owner)["links"])
    assert ShareLink.objects.get() == link
    with pytest.raises(CannotContinue):
        turns.go_on(person=owner, reply_id=first.pk)


@pytest.mark.usefixtures("redis")
@pytest.mark.django_db(transaction=True)
def test_an_answer_that_was_released_once_and_then_withheld_can_be_objected_to(owner: User, client: Client) -> None:
    """The guard was wrong, and the moderator who took it away later may be, too; the record tells the later one."""
    case = withheld_answer(owner, "All llamas are thieves.")
    Verdict.objects.update(violated=["privacy"])
    mo = make_moderator()
    appeals.appeal(owner, reply_id=case.reply_id)
    close_after_look(case, mo, "disagreed")
    let_time_pass()
    with pytest.raises(CannotAppeal, match="looked at again already"):
        appeals.appeal(owner, reply_id=case.reply_id)
    cases.reopen(case.pk, by=mo, version=Case.objects.get().version)
    close(case, mo, consequence="withhold", category="hate")
    let_time_pass()
    (shown,) = records.record_of(owner).turns
    assert (shown.category, shown.side, shown.may_appeal) == ("hate against groups of people", "output", True)
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    assert f'name="reply" value="{case.reply_id}"' in client.get("/safety/mine/").text
    assert appeals.about_reply(owner, case.reply_id) is None
    appeals.appeal(owner, reply_id=case.reply_id)
    close_after_look(case, make_moderator("mia"))
    let_time_pass()
    assert not records.record_of(owner).turns[0].may_appeal
    with pytest.raises(CannotAppeal, match="the answer stands"):
        appeals.appeal(owner, reply_id=case.reply_id)


def version(of: Reply, **fields: Any) -> Reply:
    """Another answer to the same message."""
    given = {"state": "done", "seed": 1, "deadline": of.deadline, "input_checked": True, **fields}
    return Reply.objects.create(conversation=of.conversation, message=of.message, **given)


def test_only_an_answer_that_is_shown_can_be_taken_away(owner: User, case: Case, moderator: User) -> None:
    """And one that went meanwhile is no failure."""
    with pytest.raises(CannotDecide, match="no answer"):
        close(case, moderator, consequence="withhold")
    reply = make_reply(owner, state="done", text="Bread.")
    reported = reports.report(owner, reply.pk, "wrong")
    with pytest.raises(CannotDecide, match="false alarm"):
        close(reported, moderator, "disagreed", consequence="withhold")
    close(reported, moderator, consequence="withhold")
    Reply.objects.filter(pk=reply.pk).update(state="blocked", text="")
    let_time_pass()
    assert not AuditEntry.objects.filter(action="withhold").exists()
