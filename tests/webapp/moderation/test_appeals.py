"""Asking for another look: whose, how often, and what a person is told in the end."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.translation import get_language, override

from tests.webapp.moderation.conftest import BrowserOf
from tests.webapp.moderation.making import close, close_after_look, make_case, make_moderator, make_reply
from webapp.accounts.models import User
from webapp.accounts.services.guests import absorb_guest
from webapp.chat.errors import NotFound
from webapp.chat.models import Reply
from webapp.moderation.models import Appeal, AuditEntry, Flag, Review, Suspension
from webapp.moderation.services import appeals, audit, originals, outcomes, suspensions
from webapp.moderation.services.appeals import CannotAnswer, CannotAppeal
from webapp.moderation.services.consequences import carry_out_due

pytestmark = pytest.mark.django_db


def suspended(person: User, by: User | None = None) -> Suspension:
    return suspensions.suspend(person, by=by, reason="Spam", until=timezone.now() + timedelta(days=3))


def decide(appeal: Appeal, moderator: User, outcome: str) -> Appeal:
    """A moderator decides its case, and beat comes by."""
    assert appeal.case is not None
    close_after_look(appeal.case, moderator, outcome)
    Review.objects.filter(due_at__isnull=False).update(due_at=timezone.now() - timedelta(seconds=1))
    carry_out_due()
    appeal.refresh_from_db()
    return appeal


def test_an_appeal_points_the_staff_at_the_turn(owner: User) -> None:
    """It is looked at beside everything else that waits, with what the person says."""
    reply = make_reply(owner)
    appeal = appeals.appeal(owner, reply_id=reply.pk, text="  It is about bread.  ")
    assert appeal.case is not None
    assert (appeal.case.reply, appeal.case.state, appeal.text) == (reply, "open", "It is about bread.")
    assert Flag.objects.get().source == "appeal"


def test_an_appeal_opens_a_closed_case_again(owner: User, moderator: User) -> None:
    """The guard's finding was confirmed in passing; now somebody asks."""
    case = make_case(owner)
    close(case, moderator)
    appeals.appeal(owner, reply_id=case.reply_id)
    case.refresh_from_db()
    assert case.state == "open"


def test_what_is_absent_and_what_is_not_yours_look_the_same(owner: User, moderator: User) -> None:
    """Nobody learns by asking whether a turn exists."""
    reply, suspension = make_reply(owner), suspended(owner)
    stranger = User.objects.create_user("eve")
    for asked in (
        {"reply_id": reply.pk},
        {"reply_id": uuid4()},
        {"suspension_id": suspension.pk},
        {"suspension_id": 0},
    ):
        with pytest.raises(NotFound):
            appeals.appeal(stranger, **asked)
    with pytest.raises(NotFound):
        appeals.appeal(owner)
    assert not Appeal.objects.exists()


@pytest.mark.parametrize("state", ["done", "cancelled", "failed", "running"])
def test_only_what_is_withheld_can_be_appealed(owner: User, state: str) -> None:
    """An answer that is there can be reported instead."""
    with pytest.raises(CannotAppeal, match="not withheld"):
        appeals.appeal(owner, reply_id=make_reply(owner, state=state).pk)


def test_one_look_at_a_time_and_one_in_all(owner: User, moderator: User) -> None:
    """Asking again does not make it sooner, and an answer is an answer."""
    reply = make_reply(owner)
    appeal = appeals.appeal(owner, reply_id=reply.pk)
    with pytest.raises(CannotAppeal, match="already"):
        appeals.appeal(owner, reply_id=reply.pk)
    decide(appeal, moderator, "agreed")
    with pytest.raises(CannotAppeal, match="the answer stands"):
        appeals.appeal(owner, reply_id=reply.pk)
    assert Appeal.objects.count() == 1
    assert Flag.objects.filter(source="appeal").count() == 1, "a refused appeal leaves nothing behind"


def test_a_day_has_so_many_appeals(owner: User, settings: Any) -> None:
    """Otherwise one person could fill the queue."""
    for _ in range(settings.MODERATION.appeals_per_day):
        appeals.appeal(owner, reply_id=make_reply(owner).pk)
    late = make_reply(owner)
    with pytest.raises(CannotAppeal, match="a day"):
        appeals.appeal(owner, reply_id=late.pk)
    Appeal.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert appeals.appeal(owner, reply_id=late.pk).state == "pending"


def test_a_text_has_an_end(owner: User) -> None:
    """A thousand characters fit; one more is refused and not cut."""
    reply = make_reply(owner)
    with pytest.raises(CannotAppeal, match="1000"):
        appeals.appeal(owner, reply_id=reply.pk, text="x" * 1001)
    assert appeals.appeal(owner, reply_id=reply.pk, text="x" * 1000).text == "x" * 1000


def test_a_granted_appeal_gives_the_answer_back(owner: User, moderator: User) -> None:
    """In its place, with a word about it."""
    reply = make_reply(owner)
    Reply.objects.filter(pk=reply.pk).update(input_checked=True)
    originals.keep(reply.pk, "Bread is **old**.")
    appeal = decide(appeals.appeal(owner, reply_id=reply.pk), moderator, "disagreed")
    reply.refresh_from_db()
    assert (appeal.state, reply.state, reply.text) == ("granted", "done", "Bread is **old**.")
    assert appeal.answer.startswith("You are right")
    assert appeal.answer.endswith("Here it is.")
    assert (appeal.decided_by, appeal.seen_at) == (moderator, None)


def test_a_granted_message_is_answered(owner: User, moderator: User) -> None:
    """It goes to the model now, and the person is told so."""
    appeal = decide(appeals.appeal(owner, reply_id=make_reply(owner).pk), moderator, "disagreed")
    assert appeal.case is not None
    assert Reply.objects.get(pk=appeal.case.reply_id).state == "queued"
    assert "answered now" in appeal.answer


def test_a_granted_appeal_says_when_the_words_are_gone(owner: User, moderator: User) -> None:
    """Being told "here it is" beside nothing would be a lie."""
    reply = make_reply(owner)
    Reply.objects.filter(pk=reply.pk).update(input_checked=True)
    appeal = decide(appeals.appeal(owner, reply_id=reply.pk), moderator, "disagreed")
    assert appeal.state == "granted"
    assert "please ask again" in appeal.answer


def test_a_denied_appeal_names_the_rule(owner: User, moderator: User) -> None:
    """In plain words, and by a person."""
    case = make_case(owner)
    appeal = decide(appeals.appeal(owner, reply_id=case.reply_id), moderator, "agreed")
    assert appeal.state == "denied"
    assert "hate against groups of people" in appeal.answer


def test_an_outcome_is_unseen_until_it_was_looked_at(owner: User, moderator: User) -> None:
    """The dot in the menu counts these."""
    appeal = appeals.appeal(owner, reply_id=make_reply(owner).pk)
    assert outcomes.num_unseen(owner) == 0
    decide(appeal, moderator, "agreed")
    assert outcomes.num_unseen(owner) == 1
    outcomes.see(owner, answered=[], warned=[])
    assert outcomes.num_unseen(owner) == 1, "it was not on the page"
    outcomes.see(owner, answered=[appeal.pk], warned=[])
    assert outcomes.num_unseen(owner) == 0


def test_a_granted_appeal_lifts_the_suspension(owner: User, moderator: User) -> None:
    """On record, and told with the moderator's own words added."""
    appeal = appeals.appeal(owner, suspension_id=suspended(owner).pk)
    appeals.answer(appeal.pk, by=moderator, granted=True, text="We mixed you up.")
    owner.refresh_from_db()
    appeal.refresh_from_db()
    assert not owner.is_suspended
    assert appeal.answer.endswith("We mixed you up.")
    assert set(AuditEntry.objects.values_list("action", flat=True)) == {"suspend", "answer_appeal", "lift"}
    with pytest.raises(CannotAnswer):
        appeals.answer(appeal.pk, by=moderator, granted=False)


def test_who_suspended_does_not_confirm_it(owner: User, moderator: User) -> None:
    """A second look is somebody else's. Admitting a mistake is open to everybody."""
    appeal = appeals.appeal(owner, suspension_id=suspended(owner, moderator).pk)
    another = make_moderator("another")
    with pytest.raises(CannotAnswer, match="colleague"):
        appeals.answer(appeal.pk, by=moderator, granted=False)
    with pytest.raises(CannotAnswer, match="read what the person says"):
        appeals.answer(appeal.pk, by=another, granted=False)
    read(appeal, another)
    assert appeals.answer(appeal.pk, by=another, granted=False).state == "denied"
    owner.refresh_from_db()
    assert owner.is_suspended


def test_who_is_alone_confirms_their_own_and_the_record_says_so(owner: User, moderator: User) -> None:
    """A place with one moderator cannot wait for a second one; it can be asked to read, and to say so."""
    gone = make_moderator("gone")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    appeal = appeals.appeal(owner, suspension_id=suspended(owner, moderator).pk)
    with pytest.raises(CannotAnswer, match="read what the person says"):
        appeals.answer(appeal.pk, by=moderator, granted=False)
    read(appeal, moderator)
    assert appeals.answer(appeal.pk, by=moderator, granted=False).state == "denied"
    assert AuditEntry.objects.get(action="answer_appeal").details["sole_moderator"] is True


@pytest.mark.parametrize(("granted", "said"), [(True, "should not have been suspended"), (False, "was right")])
def test_the_answer_says_when_the_suspension_has_ended_meanwhile(
    owner: User, moderator: User, granted: bool, said: str
) -> None:
    """ "It is lifted" would not be true."""
    appeal = appeals.appeal(owner, suspension_id=suspended(owner).pk)
    Suspension.objects.update(until=timezone.now() - timedelta(seconds=1))
    read(appeal, moderator)
    answer = appeals.answer(appeal.pk, by=moderator, granted=granted).answer
    assert said in answer
    assert "has ended meanwhile" in answer
    assert Suspension.objects.get().lifted_at is None


def test_the_person_is_answered_in_their_own_language(owner: User, moderator: User) -> None:
    """Whoever decides, in whatever language, on whatever machine."""
    User.objects.filter(pk=owner.pk).update(language="de")
    spoken: list[str | None] = []

    def no() -> str:
        spoken.append(get_language())
        return "Nein"

    appeal = appeals.appeal(owner, reply_id=make_reply(owner).pk)
    with override("es"):
        outcomes.decide(appeal, by=moderator, granted=False, answer=no)
        assert get_language() == "es"
    assert spoken == ["de"]
    assert Appeal.objects.get().answer == "Nein"


def read(appeal: Appeal, by: User) -> None:
    audit.record(by, "read_appeal", subject_type="appeal", subject_ref=appeal.pk)


def test_lifting_answers_the_appeal(owner: User, moderator: User) -> None:
    """Nobody waits for an answer about something that is over."""
    suspension = suspended(owner)
    appeal = appeals.appeal(owner, suspension_id=suspension.pk)
    suspensions.lift(suspension, by=moderator, reason="A mix-up")
    appeal.refresh_from_db()
    assert appeal.state == "granted"


def test_a_suspension_that_is_over_cannot_be_appealed(owner: User) -> None:
    """There is nothing left to give back."""
    suspension = suspended(owner)
    Suspension.objects.update(until=timezone.now())
    with pytest.raises(CannotAppeal, match="ended"):
        appeals.appeal(owner, suspension_id=suspension.pk)


def test_appeals_move_with_the_guest_and_the_record_stays(moderator: User) -> None:
    """Signing in keeps what one asked for; the staff's record is about acts and changes for nobody."""
    guest = User.objects.create_user("guest-1", is_guest=True)
    member = User.objects.create_user("ada")
    appeal = appeals.appeal(guest, reply_id=make_reply(guest).pk)
    suspended(guest, moderator)
    absorb_guest(guest, into=member)
    appeal.refresh_from_db()
    assert appeal.case is not None
    assert (appeal.person, appeal.case.person) == (member, member)
    assert Suspension.objects.get().person == member
    assert AuditEntry.objects.get(action="suspend").subject_ref == str(guest.pk)


# The page on which the staff answers


def test_what_a_person_says_is_read_on_record(owner: User, browser_of: BrowserOf) -> None:
    """The page of an appeal shows it once it was asked for, and to those who decide."""
    appeal = appeals.appeal(owner, suspension_id=suspended(owner).pk, text="It was my little brother")
    address = f"/admin/moderation/appeal/{appeal.pk}/"
    browser = browser_of("moderator")
    assert "little brother" not in browser.get(f"{address}change/").content.decode()
    assert not AuditEntry.objects.filter(action="read_appeal").exists()
    assert "little brother" in browser.post(f"{address}read/").content.decode()
    assert AuditEntry.objects.get(action="read_appeal").subject_ref == str(appeal.pk)
    assert browser.post(f"{address}answer/", {"granted": "yes"}).status_code == 302
    owner.refresh_from_db()
    assert not owner.is_suspended


def test_an_answer_that_cannot_be_taken_says_why(owner: User, browser_of: BrowserOf) -> None:
    """And decides nothing."""
    appeal = appeals.appeal(owner, suspension_id=suspended(owner).pk)
    address = f"/admin/moderation/appeal/{appeal.pk}/answer/"
    page = browser_of("moderator").post(address, {"granted": "yes", "text": "x" * 801}, follow=True)
    assert "at most 800 characters" in page.content.decode()
    appeal.refresh_from_db()
    assert appeal.state == "pending"


@pytest.mark.parametrize("role", ["nobody", "member", "experimenter"])
def test_nobody_else_reads_or_answers(owner: User, browser_of: BrowserOf, role: str) -> None:
    """Neither by the page nor by its address."""
    appeal = appeals.appeal(owner, suspension_id=suspended(owner).pk, text="It was my little brother")
    browser: Client = browser_of(role)
    for page in ("read", "answer"):
        response = browser.post(f"/admin/moderation/appeal/{appeal.pk}/{page}/", {"granted": "yes"})
        assert response.status_code in (302, 403)
        assert b"little brother" not in response.content
    appeal.refresh_from_db()
    assert appeal.state == "pending"
    assert not AuditEntry.objects.filter(action="read_appeal").exists()


def test_an_appeal_about_a_turn_leads_to_its_case(owner: User, browser_of: BrowserOf) -> None:
    """There is one place where a turn is decided about."""
    appeal = appeals.appeal(owner, reply_id=make_reply(owner).pk)
    response = browser_of("moderator").get(f"/admin/moderation/appeal/{appeal.pk}/change/")
    assert response.headers["Location"] == f"/admin/moderation/case/{appeal.case_id}/change/"


def test_an_appeal_is_answered_once(owner: User, moderator: User) -> None:
    """Two of the staff at the same moment, or beat beside them: the first answer is the one the person gets."""
    reply = make_reply(owner)
    stale = appeals.appeal(owner, reply_id=reply.pk)
    outcomes.decide(stale, by=moderator, granted=False, answer=lambda: "No")
    outcomes.decide(Appeal(pk=stale.pk, case=stale.case, person=owner), by=None, granted=True, answer=lambda: "Yes")
    stored = Appeal.objects.get()
    assert (stored.state, stored.answer, stored.decided_by) == ("denied", "No", moderator)
    assert AuditEntry.objects.filter(action="answer_appeal").count() == 1
