"""Cases, from the flag to the decision: one for each turn, and nobody decides what they have not seen."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.utils import timezone

from assistant.safety import verdict as safety
from tests.webapp.moderation.making import SECRET, at_once, close, make_case, make_moderator, make_reply
from webapp.accounts.models import User
from webapp.moderation.models import Appeal, AuditEntry, Case, Note, Review
from webapp.moderation.services import audit, cases, verdicts
from webapp.moderation.services.cases import CannotDecide, CaseChanged

pytestmark = pytest.mark.django_db


def judgement(action: str, score: float = 0.95) -> safety.Verdict:
    return safety.Verdict(
        action=action,  # type: ignore[arg-type]
        score=score,
        categories={"hate": 0.4},
        violated=("hate",),
        guard_id="embedded-1",
        policy_version="1",
        latency_ms=5,
    )


# Flags


def test_a_turn_is_one_case_however_often_it_is_flagged(owner: User) -> None:
    """Guard on both sides, three reports: still one thing to decide."""
    reply = make_reply(owner)
    first = cases.flag(reply.pk, "guard_input", category="hate", score=0.5)
    for source in ("guard_output", "report", "report", "report"):
        assert cases.flag(reply.pk, source).pk == first.pk
    assert Case.objects.get().flags.count() == 5


def test_flags_raise_an_open_case(case: Case) -> None:
    """Somebody who waits for an answer is looked at sooner."""
    assert cases.flag(case.reply_id, "appeal", text="Please").score > case.score


def test_a_flag_reopens_a_closed_case(case: Case, moderator: User) -> None:
    """The same case, as if it were new: undecided, nobody's, waiting since now."""
    close(case, moderator)
    Case.objects.update(opened_at=timezone.now() - timedelta(days=9))
    again = cases.flag(case.reply_id, "report")
    assert (again.pk, again.state, again.outcome, again.closed_at, again.assignee) == (case.pk, "open", "", None, None)
    assert timezone.now() - again.opened_at < timedelta(minutes=1)
    assert AuditEntry.objects.filter(action="reopen", actor=None, subject_ref=str(case.pk)).exists()


def test_a_reply_that_is_gone_cannot_be_flagged(db: None) -> None:
    """Its owner may delete the chat at any moment."""
    with pytest.raises(IntegrityError):
        cases.flag(uuid4(), "report")


@pytest.mark.parametrize(
    ("action", "score", "is_flagged"),
    [
        ("allow", 0.95, False),
        ("inform", 0.6, False),
        ("inform", 0.95, True),
        ("log", 0.2, True),
        ("warn", 0.6, True),
        ("block", 0.6, True),
    ],
)
def test_the_staff_see_what_they_should(owner: User, action: str, score: float, is_flagged: bool) -> None:
    """Whatever was noted, warned about or withheld; ordinary advice only where the guard is nearly certain."""
    verdicts.record(make_reply(owner).pk, "output", judgement(action, score))
    assert Case.objects.exists() == is_flagged


def test_a_verdict_flags_with_the_score_of_its_category(owner: User) -> None:
    """The overall score may come from another category."""
    row = verdicts.record(make_reply(owner).pk, "output", judgement("block"))
    flag = Case.objects.get().flags.get()
    assert (flag.source, flag.verdict, flag.category, flag.score) == ("guard_output", row, "hate", 0.4)


# Decisions


def test_a_decision_closes_the_case(case: Case, moderator: User) -> None:
    """With who, what, why and when."""
    close(case, moderator, note="clear")
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("closed", "agreed")
    review = case.reviews.get()
    assert (review.reviewer, review.category, review.consequence, review.note) == (moderator, "hate", "none", "clear")
    assert case.closed_at == review.created_at


def test_an_outdated_version_decides_nothing(case: Case, moderator: User) -> None:
    """Whoever looked before the appeal came in has not seen it."""
    cases.flag(case.reply_id, "appeal", text="Please")
    with pytest.raises(CaseChanged) as refused:
        cases.decide(case.pk, reviewer=moderator, version=case.version, outcome="agreed")
    assert refused.value.seen_version == case.version
    assert not Review.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_several_at_once_one_decides(owner: User) -> None:
    """All looked at the same version; the database lets one through."""
    case = make_case(owner)
    moderators = [make_moderator(f"mo-{number}") for number in range(4)]

    def decide(moderator: User) -> str:
        try:
            cases.decide(case.pk, reviewer=moderator, version=case.version, outcome="agreed")
        except CaseChanged:
            return "changed"
        return "decided"

    assert sorted(at_once(decide, moderators)) == ["changed"] * 3 + ["decided"]
    assert Review.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_several_flags_at_once_are_one_case(owner: User) -> None:
    """The guard and three reporters in the same moment: none fails, none is lost."""
    reply = make_reply(owner)
    found = at_once(lambda source: cases.flag(reply.pk, source).pk, ["guard_input", "report", "report", "report"])
    assert set(found) == {Case.objects.get().pk}
    assert Case.objects.get().flags.count() == 4


@pytest.mark.django_db(transaction=True)
def test_two_cases_of_one_person_are_decided_at_once(owner: User) -> None:
    """Each decision changes how soon the other case is looked at; neither waits for the other for ever."""
    moderators = [make_moderator("mo"), make_moderator("lu")]

    def decide(pair: tuple[Case, User]) -> str:
        return cases.decide(pair[0].pk, reviewer=pair[1], version=pair[0].version, outcome="agreed").outcome

    for _ in range(5):
        both = [make_case(owner), make_case(owner)]
        assert at_once(decide, list(zip(both, moderators, strict=True))) == ["agreed", "agreed"]


def test_nobody_decides_about_themselves(moderator: User) -> None:
    """Staff chat too."""
    with pytest.raises(CannotDecide, match="about you"):
        close(make_case(moderator), moderator)


def test_a_closed_case_is_opened_before_it_is_decided_again(case: Case, moderator: User) -> None:
    """Changing one's mind is an act of its own, on record."""
    close(case, moderator)
    with pytest.raises(CannotDecide, match="closed"):
        close(case, moderator, "disagreed")
    case.refresh_from_db()
    cases.reopen(case.pk, by=moderator, version=case.version)
    close(case, moderator, "disagreed")
    assert case.reviews.count() == 2


@pytest.mark.parametrize(("role", "may_settle"), [("moderator", False), ("administrator", True)])
def test_an_escalated_case_is_for_those_who_settle(case: Case, moderator: User, role: str, may_settle: bool) -> None:
    """A moderator hands it up and cannot take it back by deciding."""
    cases.escalate(case.pk, by=moderator, version=case.version, note="Is this satire?")
    decider = make_moderator("other", role=role)
    if may_settle:
        close(case, decider)
    else:
        with pytest.raises(CannotDecide, match="escalated"):
            close(case, decider)
    assert Note.objects.get().text == "Is this satire?"


@pytest.mark.parametrize(
    ("outcome", "more", "why"),
    [
        ("agreed", {"consequence": "release"}, "false alarm"),
        ("disagreed", {"consequence": "warn"}, "false alarm"),
        ("agreed", {"consequence": "suspend", "days": 3}, "needs a reason"),
        ("agreed", {"consequence": "suspend", "reason": "Threats"}, "1 to 365 days"),
        ("agreed", {"consequence": "suspend", "reason": "Threats", "days": 900}, "1 to 365 days"),
        ("agreed", {"consequence": "shout"}, "no such decision"),
        ("perhaps", {}, "no such decision"),
    ],
)
def test_what_makes_no_sense_is_refused(
    case: Case, moderator: User, outcome: str, more: dict[str, object], why: str
) -> None:
    """And leaves the case as it was."""
    with pytest.raises(CannotDecide, match=why):
        close(case, moderator, outcome, **more)
    case.refresh_from_db()
    assert case.state == "open"


def test_only_what_is_withheld_is_released(owner: User, moderator: User) -> None:
    """A finished answer has nothing to give back."""
    case = cases.flag(make_reply(owner, state="done").pk, "report")
    with pytest.raises(CannotDecide, match="not withheld"):
        close(case, moderator, "disagreed", consequence="release")


@pytest.mark.parametrize("consequence", ["mute", "suspend"])
def test_staff_are_not_suspended(moderator: User, consequence: str) -> None:
    """Their account is switched off instead."""
    case = make_case(make_moderator("colleague"))
    with pytest.raises(CannotDecide, match="Staff"):
        close(case, moderator, consequence=consequence, days=1, reason="Threats")


# Undoing


def test_a_decision_is_undone_in_time(case: Case, moderator: User) -> None:
    """The case is as it was, with the version gone on."""
    review = close(case, moderator, consequence="warn")
    undone = cases.undo(review.pk, by=moderator)
    assert (undone.state, undone.outcome, undone.closed_at) == ("open", "", None)
    assert undone.version == case.version + 2
    assert Review.objects.get().undone_at is not None


def test_an_escalated_case_is_escalated_again_after_undoing(case: Case, moderator: User) -> None:
    """Undoing does not let it slip down."""
    cases.escalate(case.pk, by=moderator, version=case.version)
    settler = make_moderator("ad", role="administrator")
    review = close(case, settler)
    assert cases.undo(review.pk, by=settler).state == "escalated"


def test_it_can_be_too_late(case: Case, moderator: User) -> None:
    """After that the person has been told."""
    review = close(case, moderator)
    Review.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(CannotDecide, match="too late"):
        cases.undo(review.pk, by=moderator)


def test_one_undoes_ones_own(case: Case, moderator: User) -> None:
    """A colleague opens the case again instead, under their own name; nobody undoes twice."""
    review = close(case, moderator)
    with pytest.raises(CannotDecide):
        cases.undo(review.pk, by=make_moderator("other"))
    cases.undo(review.pk, by=moderator)
    with pytest.raises(CannotDecide):
        cases.undo(review.pk, by=moderator)


def test_undoing_after_a_new_flag_leaves_the_case_open(case: Case, moderator: User) -> None:
    """It had been opened again meanwhile; the decision is taken back all the same."""
    review = close(case, moderator)
    cases.flag(case.reply_id, "report")
    assert cases.undo(review.pk, by=moderator).state == "open"


# The rest


def test_a_claim_is_seen_and_given_back(case: Case, moderator: User) -> None:
    """And is a change: whoever looked before it does not decide over it."""
    claimed = cases.claim(case.pk, by=moderator, version=case.version)
    assert claimed.assignee == moderator
    with pytest.raises(CaseChanged):
        cases.claim(case.pk, by=make_moderator("other"), version=case.version)
    assert cases.unclaim(case.pk, by=moderator, version=claimed.version).assignee is None


def test_nobody_is_on_a_closed_case(case: Case, moderator: User) -> None:
    """It would stand in the list as work that somebody does."""
    close(case, moderator)
    case.refresh_from_db()
    with pytest.raises(CannotDecide, match="closed"):
        cases.claim(case.pk, by=moderator, version=case.version)


def test_a_broken_rule_raises_the_persons_other_cases(owner: User, moderator: User) -> None:
    """And a decision that is undone lowers them again."""
    decided, waiting = make_case(owner), make_case(owner)
    review = close(decided, moderator)
    before, waiting.score = waiting.score, Case.objects.get(pk=waiting.pk).score
    assert waiting.score > before
    cases.undo(review.pk, by=moderator)
    assert Case.objects.get(pk=waiting.pk).score == pytest.approx(before)


def test_many_are_decided_alike(owner: User, moderator: User) -> None:
    """Each by itself; one that has changed since the list was shown stays open, and one that is gone is no matter."""
    chosen = [make_case(owner) for _ in range(3)]
    seen = {case.pk: case.version for case in chosen} | {uuid4(): 1}
    cases.claim(chosen[0].pk, by=moderator, version=chosen[0].version)
    bulk = cases.bulk_decide(seen, reviewer=moderator, outcome="disagreed", category="hate")
    assert (len(bulk.reviews), bulk.num_left) == (2, 2)
    assert Case.objects.get(state="open") == chosen[0]


def test_many_are_of_one_category(owner: User, moderator: User) -> None:
    """One glance cannot judge hate and self-harm together; nothing is decided."""
    seen = {case.pk: case.version for case in (make_case(owner), make_case(owner, category="self_harm"))}
    with pytest.raises(CannotDecide, match="different categories"):
        cases.bulk_decide(seen, reviewer=moderator, outcome="agreed", category="hate")
    assert not Review.objects.exists()


def test_every_act_is_in_the_chain(case: Case, moderator: User) -> None:
    """In order, under the moderator's name, without a word of note or conversation."""
    cases.claim(case.pk, by=moderator, version=case.version)
    cases.add_note(case.pk, by=moderator, text=SECRET)
    review = close(case, moderator, note=SECRET)
    cases.undo(review.pk, by=moderator)
    case.refresh_from_db()
    cases.escalate(case.pk, by=moderator, version=case.version, note=SECRET)
    entries = AuditEntry.objects.filter(actor=moderator).order_by("pk")
    assert [entry.action for entry in entries] == ["claim", "note", "decide", "undo", "escalate"]
    assert SECRET not in str(list(entries.values()))
    assert audit.first_broken() is None


def test_an_empty_note_is_none(case: Case, moderator: User) -> None:
    """N and Enter by mistake."""
    with pytest.raises(CannotDecide):
        cases.add_note(case.pk, by=moderator, text="   ")


def test_a_case_goes_with_its_conversation(case: Case, moderator: User) -> None:
    """Deleting a chat deletes what colleagues noted about it; that they decided stays on record."""
    cases.add_note(case.pk, by=moderator, text=SECRET)
    case.reply.conversation.delete()
    assert not Case.objects.exists()
    assert not Note.objects.exists()
    assert AuditEntry.objects.filter(action="note").exists()


def test_undoing_leaves_a_later_decision_alone(case: Case, moderator: User) -> None:
    """Decided, opened again and decided by a colleague within seconds: only the first decision is taken back."""
    first = close(case, moderator, consequence="mute")
    colleague = make_moderator("jo")
    case.refresh_from_db()
    cases.reopen(case.pk, by=colleague, version=case.version)
    close(case, colleague, "disagreed")
    cases.undo(first.pk, by=moderator)
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("closed", "disagreed")


def test_nobody_touches_their_own_case(moderator: User) -> None:
    """Opening it again would wipe the strike, and claiming it would keep colleagues away."""
    case = make_case(moderator)
    for act in (cases.claim, cases.unclaim, cases.escalate):
        with pytest.raises(CannotDecide):
            act(case.pk, by=moderator, version=case.version)
    close(case, make_moderator("jo"))
    case.refresh_from_db()
    with pytest.raises(CannotDecide):
        cases.reopen(case.pk, by=moderator, version=case.version)
    assert Case.objects.get().outcome == "agreed"


def test_what_was_decided_above_is_opened_again_above(case: Case, moderator: User) -> None:
    """Else a moderator could overrule an administrator by opening the case again, or have it flagged."""
    cases.escalate(case.pk, by=moderator, version=case.version)
    close(case, make_moderator("ad", role="administrator"))
    case.refresh_from_db()
    assert cases.reopen(case.pk, by=moderator, version=case.version).state == "escalated"
    with pytest.raises(CannotDecide):
        close(case, moderator, "disagreed")


def test_nothing_is_done_to_a_case_whose_chat_was_deleted(case: Case, moderator: User) -> None:
    """Whoever had it open hears of it, and the rest of a selection is decided."""
    case.reply.conversation.delete()
    for act in (
        lambda: cases.claim(case.pk, by=moderator, version=case.version),
        lambda: cases.decide(case.pk, reviewer=moderator, version=case.version, outcome="agreed"),
        lambda: cases.add_note(case.pk, by=moderator, text="Hm"),
    ):
        with pytest.raises(CannotDecide, match="deleted"):
            act()
    bulk = cases.bulk_decide({case.pk: case.version}, reviewer=moderator, outcome="agreed", category="hate")
    assert (bulk.reviews, bulk.num_left) == ((), 1)


def test_an_appealed_case_is_not_decided_in_bulk(case: Case, moderator: User) -> None:
    """The person is told that somebody has read it again, so somebody has to."""
    Appeal.objects.create(person=case.person, case=case)
    bulk = cases.bulk_decide({case.pk: case.version}, reviewer=moderator, outcome="agreed", category="hate")
    assert (bulk.reviews, bulk.num_left) == ((), 1)
    case.refresh_from_db()
    assert case.state == "open"
