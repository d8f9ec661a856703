"""What a decision does to the person: after the time to undo it, once, and with a word where it fails."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from tests.webapp.moderation.making import (
    SECRET,
    add_turn,
    at_once,
    close,
    close_after_look,
    make_case,
    make_moderator,
    make_reply,
    make_verdict,
)
from webapp.accounts.models import User
from webapp.chat.errors import CannotContinue
from webapp.chat.models import Conversation, Reply
from webapp.chat.services import ownership, running, turns
from webapp.chat.services.duplicating import duplicate
from webapp.moderation.models import Appeal, AuditEntry, Case, Original, Review, Suspension, Verdict
from webapp.moderation.services import appeals, cases, originals, records, reports
from webapp.moderation.services.appeals import CannotAppeal
from webapp.moderation.services.case_rules import CannotDecide
from webapp.moderation.services.consequences import carry_out_due
from webapp.moderation.templatetags.moderation import why_not
from webapp.privacy.services import contents
from webapp.sharing.models import ShareLink

pytestmark = pytest.mark.django_db


@pytest.fixture
def moderator(db: None) -> User:
    return make_moderator()


@pytest.fixture
def case(owner: User) -> Case:
    return make_case(owner)


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


def test_nothing_happens_while_it_can_be_undone(case: Case, moderator: User) -> None:
    """Who presses the wrong key has ten seconds, and the person never knows."""
    review = close(case, moderator, consequence="mute")
    assert carry_out_due() == 0
    cases.undo(review.pk, by=moderator)
    let_time_pass()
    assert not Suspension.objects.exists()


def test_a_mute_lasts_a_day_and_says_why(case: Case, moderator: User) -> None:
    """In the words people read, and as the effect of this case."""
    close(case, moderator, consequence="mute")
    let_time_pass()
    suspension = Suspension.objects.get()
    assert (suspension.case, suspension.by, suspension.person) == (case, moderator, case.person)
    assert suspension.until - timezone.now() == pytest.approx(timedelta(days=1), abs=timedelta(minutes=1))
    assert "hate against groups of people" in suspension.reason
    case.person.refresh_from_db()
    assert case.person.is_suspended


def test_a_suspension_lasts_its_days_and_gives_its_reason(case: Case, moderator: User) -> None:
    """As the moderator wrote it."""
    close(case, moderator, consequence="suspend", days=7, reason="Threats against a neighbour")
    let_time_pass()
    suspension = Suspension.objects.get()
    assert suspension.reason == "Threats against a neighbour"
    assert suspension.until - timezone.now() == pytest.approx(timedelta(days=7), abs=timedelta(minutes=1))


def test_each_consequence_is_carried_out_once(case: Case, moderator: User) -> None:
    """Beat runs every second, and perhaps twice at once."""
    close(case, moderator, consequence="mute")
    let_time_pass()
    for _ in range(3):
        assert carry_out_due() == 0
    assert Suspension.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_passes_at_once_carry_out_once(owner: User) -> None:
    """Two beats may run for a moment while one is replaced."""
    for number in range(5):
        close(make_case(User.objects.create_user(f"eve-{number}")), make_moderator(f"mo-{number}"), consequence="mute")
    Review.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    at_once(lambda _: carry_out_due(), [None] * 3)
    assert Suspension.objects.count() == 5


def test_a_released_answer_comes_back(owner: User, moderator: User) -> None:
    """From its sealed original, in its place."""
    case = withheld_answer(owner, "A history of **bread**")
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    reply = Reply.objects.get(pk=case.reply_id)
    assert (reply.state, reply.text) == ("done", "A history of **bread**")
    assert AuditEntry.objects.filter(action="release", actor=moderator, subject_ref=str(reply.pk)).exists()


def test_a_released_answer_comes_back_with_what_stood_beside_it(owner: User, moderator: User) -> None:
    """Sources, help, tools and what its code is: without them it would be another answer."""
    reply = make_reply(owner)
    beside = {
        "citations": [{"number": 1, "title": "Bread", "url": "/library/x/", "excerpt": "Old"}],
        "passages": [{"title": "Bread", "text": "Bread is old."}],
        "notices": [{"kind": "advice", "html": "<p>Ask a baker.</p>"}],
        "steps": [{"tool": "calculator", "state": "done"}],
        "used": {"memories": [1]},
    }
    Reply.objects.filter(pk=reply.pk).update(input_checked=True, **beside)
    originals.keep(reply.pk, "```python\nprint(1)\n```")
    Reply.objects.filter(pk=reply.pk).update(citations=[], passages=[], notices=[], steps=[], used={})
    case = cases.flag(reply.pk, "guard_output", verdict=make_verdict(reply, direction="output"), category="hate")
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    reply.refresh_from_db()
    assert {name: getattr(reply, name) for name in beside} == beside
    (badge,) = reply.code_reports
    assert (badge["figure"], badge["state"]) in {(0, "clean"), (0, "not_scanned")}, "scanned, or honest about it"


def test_an_original_of_an_earlier_version_comes_back_as_far_as_it_was_kept(owner: User, moderator: User) -> None:
    """Its words alone."""
    case = withheld_answer(owner, "Bread")
    Original.objects.update(sealed_beside=None)
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    assert Reply.objects.get(pk=case.reply_id).text == "Bread"


def test_a_released_message_is_answered(case: Case, moderator: User) -> None:
    """It is queued again, and the input guard is not asked a second time."""
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    reply = Reply.objects.get(pk=case.reply_id)
    assert (reply.state, reply.input_checked) == ("queued", True)


def test_a_released_message_is_not_withheld_again_for_another_answer(case: Case, moderator: User) -> None:
    """A moderator has said that it is harmless; one that the guard alone withholds is asked about each time."""
    before = turns.retry(person=case.person, reply_id=case.reply_id)
    assert not Reply.objects.get(pk=before.reply_id).input_checked
    Reply.objects.filter(pk=before.reply_id).update(state="blocked")
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    Reply.objects.filter(pk=case.reply_id).update(state="done", text="Here.")
    again = turns.retry(person=case.person, reply_id=case.reply_id)
    assert Reply.objects.get(pk=again.reply_id).input_checked


def test_what_was_released_makes_nothing_suspicious_that_follows(case: Case, moderator: User) -> None:
    """Going on after a false alarm is none. The model reads all that was said, and the guard what it has passed."""
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    Reply.objects.filter(pk=case.reply_id).update(state="done", text="Here.")
    conversation = case.reply.conversation
    passed = add_turn(conversation, question="And llamas?", text="Woolly.", parent=case.reply)
    sent = turns.send(
        person=case.person, turn_id=uuid4(), conversation_id=conversation.pk, parent_id=passed.pk, text="Go on"
    )
    claim = ownership.claim(sent.reply_id)
    assert claim
    turn = running._load(claim).turn
    assert [message.text for message in turn.history] == [SECRET, "Here.", "And llamas?", "Woolly.", "Go on"]
    assert [message.text for message in turn.judged] == ["And llamas?", "Woolly.", "Go on"]
    Reply.objects.filter(pk=passed.pk).update(finish_reason="released")
    assert [message.text for message in running._load(claim).turn.judged] == ["Go on"]


@pytest.mark.parametrize("answer_again", [turns.retry, turns.go_on])
def test_nor_does_it_under_another_answer(
    case: Case, moderator: User, answer_again: Callable[..., turns.Accepted]
) -> None:
    """The message was found harmless, whichever of its answers the chat goes on from."""
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    first = Reply.objects.filter(pk=case.reply_id)
    first.update(state="done", finish_reason="length", text="Here.", blocks=["<p>Here.</p>"])
    again = answer_again(person=case.person, reply_id=case.reply_id)
    Reply.objects.filter(pk=again.reply_id).update(state="done", text="There.")
    sent = turns.send(
        person=case.person,
        turn_id=uuid4(),
        conversation_id=again.conversation_id,
        parent_id=again.reply_id,
        text="Go on",
    )
    claim = ownership.claim(sent.reply_id)
    assert claim
    assert [message.text for message in running._load(claim).turn.judged] == ["Go on"]


def test_a_release_that_is_taken_back_frees_no_other_answer(case: Case, moderator: User) -> None:
    """The guard is asked about the message again."""
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    Reply.objects.filter(pk=case.reply_id).update(state="done", text="Here.")
    case.refresh_from_db()
    cases.reopen(case.pk, by=moderator, version=case.version)
    close(case, moderator, consequence="withhold")
    let_time_pass()
    assert Reply.objects.get(pk=case.reply_id).state == "blocked"
    again = turns.retry(person=case.person, reply_id=case.reply_id)
    assert not Reply.objects.get(pk=again.reply_id).input_checked


@pytest.mark.parametrize("is_running", [False, True])
def test_nor_does_what_goes_on_from_its_answer(case: Case, moderator: User, is_running: bool) -> None:
    """The answer itself stays where nobody withholds it. What waited for the model meanwhile is asked about, too."""
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    fields = {"finish_reason": "length", "text": "Here.", "blocks": ["<p>Here.</p>"], "passages": []}
    Reply.objects.filter(pk=case.reply_id).update(state="done", **fields)
    if is_running:
        longer = turns.go_on(person=case.person, reply_id=case.reply_id)
    case.refresh_from_db()
    cases.reopen(case.pk, by=moderator, version=case.version)
    close(case, moderator, consequence="warn")
    let_time_pass()
    if not is_running:
        longer = turns.go_on(person=case.person, reply_id=case.reply_id)
    claim = ownership.claim(longer.reply_id)
    assert claim
    assert not running._load(claim).turn.input_checked


def test_what_goes_on_from_an_answer_whose_message_passed_is_not_asked_about(owner: User) -> None:
    """By the guard, or by a release that stands; and by nothing else that the row says."""
    conversation = Conversation.objects.create(owner=owner)
    fields = {"finish_reason": "length", "text": "Here.", "blocks": ["<p>Here.</p>"], "passages": []}
    for action, passed in (("allow", True), (None, False)):
        reply = add_turn(conversation, question="Llamas?")
        Reply.objects.filter(pk=reply.pk).update(**fields)
        if action:
            verdict = make_verdict(reply)
            Verdict.objects.filter(pk=verdict.pk).update(action=action)
        for _ in range(2):
            longer = turns.go_on(person=owner, reply_id=reply.pk)
            claim = ownership.claim(longer.reply_id)
            assert claim
            assert running._load(claim).turn.input_checked is passed
            Reply.objects.filter(pk=longer.reply_id).update(state="cancelled")
            reply = Reply.objects.get(pk=longer.reply_id)


def test_an_answer_withheld_in_a_copied_chat_comes_back_there(owner: User, moderator: User) -> None:
    """Its words are copied, sealed, with the chat, and kept no longer than those that they are a copy of."""
    source = withheld_answer(owner, "A history of **bread**")
    copied = duplicate(source.reply.conversation).replies.get()
    case = cases.flag(copied.pk, "appeal")
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    copied.refresh_from_db()
    assert (copied.state, copied.text) == ("done", "A history of **bread**")
    assert Original.objects.get(reply=copied).expires_at == source.reply.original.expires_at


def test_a_message_waits_for_the_answer_that_is_being_written(case: Case, moderator: User) -> None:
    """One answer at a time in a chat; the release is tried again."""
    running = add_turn(case.reply.conversation, question="Hello", state="running")
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    assert Reply.objects.get(pk=case.reply_id).state == "blocked"
    Reply.objects.filter(pk=running.pk).update(state="done")
    let_time_pass()
    assert Reply.objects.get(pk=case.reply_id).state == "queued"


def test_what_cannot_be_released_says_so(owner: User, moderator: User) -> None:
    """The words are kept for thirty days and not for ever; the decision stands, and its page tells."""
    case = withheld_answer(owner, "Bread")
    case.reply.original.delete()
    close(case, moderator, "disagreed", consequence="release")
    let_time_pass()
    assert Review.objects.get().failure == "gone"
    assert "not kept any more" in why_not("gone")
    assert AuditEntry.objects.filter(action="release_failed").exists()


def test_a_warning_is_on_record(case: Case, moderator: User) -> None:
    """It is the review itself, carried out and not undone, that the person sees."""
    close(case, moderator, consequence="warn")
    let_time_pass()
    assert AuditEntry.objects.filter(action="warn", subject_ref=str(case.person_id)).exists()
    assert Review.objects.get(consequence="warn", due_at=None, undone_at=None).case == case


def test_a_false_alarm_that_was_appealed_gives_back_what_was_withheld(case: Case, moderator: User) -> None:
    """Being told "you were right" while the answer stays away would be no answer."""
    appeal_against(case)
    assert close(case, moderator, "disagreed").consequence == "release"


@pytest.mark.parametrize(("outcome", "state"), [("disagreed", "granted"), ("agreed", "denied")])
def test_a_decision_settles_the_appeal(case: Case, moderator: User, outcome: str, state: str) -> None:
    """Once it stands, and not before."""
    appeal = appeal_against(case)
    close_after_look(case, moderator, outcome)
    appeal.refresh_from_db()
    assert appeal.state == "pending"
    let_time_pass()
    appeal.refresh_from_db()
    assert appeal.state == state


def test_an_appeal_that_came_after_the_decision_waits_for_the_next(case: Case, moderator: User) -> None:
    """The moderator had not read it."""
    close(case, moderator)
    appeal = appeal_against(case)
    let_time_pass()
    appeal.refresh_from_db()
    assert appeal.state == "pending"


def test_one_failure_holds_up_nothing_else(owner: User, moderator: User, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody joined the staff since: their mute fails with a word, and the next one is carried out."""
    first, second = make_case(User.objects.create_user("eve")), make_case(owner)
    for case in (first, second):
        close(case, moderator, consequence="mute")
    User.objects.filter(username="eve").update(is_staff=True)
    let_time_pass()
    assert Suspension.objects.get().person == owner
    assert "Staff are not suspended" in why_not(Review.objects.get(case=first).failure)
    assert not caplog.records


def test_an_appeal_is_answered_by_the_decision_that_stands(case: Case, moderator: User) -> None:
    """Decided, opened again and decided otherwise within seconds: the first decision answers nothing any more."""
    appeal = appeal_against(case)
    close_after_look(case, moderator)
    case.refresh_from_db()
    cases.reopen(case.pk, by=moderator, version=case.version)
    last = close(case, moderator, "disagreed")
    Review.objects.exclude(pk=last.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    carry_out_due()
    appeal.refresh_from_db()
    assert appeal.state == "pending"
    let_time_pass()
    appeal.refresh_from_db()
    assert appeal.state == "granted"


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
