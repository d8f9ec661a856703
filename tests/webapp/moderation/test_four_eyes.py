"""Who answers an appeal: somebody else, who has read it; and nobody opens or decides a case about themselves."""

import pytest
from django.test import Client

from tests.webapp.moderation.making import SECRET, close, make_case, make_moderator
from webapp.accounts.models import User
from webapp.moderation.models import Appeal, AuditEntry, Case, Reveal, Review
from webapp.moderation.services import appeals, cases, looks
from webapp.moderation.services.cases import CannotDecide
from webapp.moderation.templatetags.moderation import told

pytestmark = pytest.mark.django_db


@pytest.fixture
def decided(owner: User, moderator: User) -> Case:
    """A case that the moderator decided, and that its person appeals against now."""
    case = make_case(owner)
    close(case, moderator)
    appeals.appeal(owner, reply_id=case.reply_id, text="It is about bread.")
    return case


@pytest.mark.parametrize("outcome", ["agreed", "disagreed"])
def test_an_appeal_against_a_decision_is_a_colleagues(decided: Case, moderator: User, outcome: str) -> None:
    """Either way: whoever decided cannot be the one who looks anew."""
    colleague = make_moderator("colleague")
    for reviewer in (moderator, colleague):
        looks.look(decided, staff=reviewer)
    with pytest.raises(CannotDecide, match="your own decision"):
        close(decided, moderator, outcome)
    assert close(decided, colleague, outcome).outcome == outcome


@pytest.mark.parametrize("kind", ["gone", "experimenter", "the person"])
def test_who_cannot_decide_it_is_no_colleague(decided: Case, moderator: User, kind: str) -> None:
    """An account that is switched off, somebody of another role, and the person it is about do not count."""
    other = decided.person if kind == "the person" else make_moderator("other", role="experimenter")
    if kind == "gone":
        other = make_moderator("gone")
        User.objects.filter(pk=other.pk).update(is_active=False)
    elif kind == "the person":
        User.objects.filter(pk=other.pk).update(is_staff=True, is_superuser=True)
    looks.look(decided, staff=moderator)
    assert close(decided, moderator, "disagreed").outcome == "disagreed"


def test_the_only_moderator_looks_and_the_record_says_so(decided: Case, moderator: User) -> None:
    """There is nobody to ask; what can be asked is that they read it again."""
    with pytest.raises(CannotDecide, match="open the conversation"):
        close(decided, moderator, "disagreed")
    looks.look(decided, staff=moderator)
    close(decided, moderator, "disagreed")
    entry = AuditEntry.objects.filter(action="decide").order_by("-pk")[0]
    assert entry.details["sole_moderator"] is True
    assert told(entry).endswith("(the only moderator)")


def test_an_escalated_appeal_needs_a_colleague_who_settles(owner: User, moderator: User) -> None:
    """A moderator who may not decide it is no second pair of eyes for an administrator."""
    settler = make_moderator("ad", role="administrator")
    case = make_case(owner)
    cases.escalate(case.pk, by=moderator, version=case.version)
    close(case, settler)
    appeals.appeal(owner, reply_id=case.reply_id)
    looks.look(case, staff=settler)
    assert close(case, settler).pk


def test_nobody_says_no_unread(owner: User, moderator: User) -> None:
    """A look from before the appeal does not count: what the person says was not there yet. A yes needs none."""
    case = make_case(owner)
    looks.look(case, staff=moderator)
    appeals.appeal(owner, reply_id=case.reply_id, text="It is about bread.")
    looks.look(case, staff=make_moderator("colleague"))
    with pytest.raises(CannotDecide, match="open the conversation"):
        close(case, moderator)
    assert not Review.objects.exists()
    looks.look(case, staff=moderator)
    close(case, moderator)
    other = make_case(owner)
    appeals.appeal(owner, reply_id=other.reply_id)
    assert close(other, moderator, "disagreed").consequence == "release"


def test_a_decision_without_an_appeal_is_free(owner: User, moderator: User) -> None:
    """Most of the queue: a guard's finding whose scores say enough."""
    close(make_case(owner), moderator)
    assert "sole_moderator" not in AuditEntry.objects.get(action="decide").details


def test_a_case_about_oneself_stays_shut(moderator: User) -> None:
    """Neither its page nor its words nor its buttons; the reason is said."""
    case = make_case(moderator)
    browser = Client()
    browser.force_login(moderator)
    address = f"/admin/moderation/case/{case.pk}/"
    for answer in (
        browser.get(f"{address}change/", follow=True),
        browser.post(f"{address}look/", follow=True),
        browser.post(f"{address}act/", {"act": "disagree", "version": case.version}, follow=True),
    ):
        assert answer.redirect_chain[-1][0] == "/admin/moderation/case/"
        assert "This case is about you. A colleague decides it." in answer.content.decode()
        assert SECRET not in answer.content.decode()
    with pytest.raises(CannotDecide):
        looks.look(case, staff=moderator)
    assert not Reveal.objects.exists()
    assert not Review.objects.exists()


def test_ones_own_appeal_stays_shut_too(moderator: User) -> None:
    """Reading it would be the first half of answering it."""
    appeal = Appeal.objects.create(person=moderator, case=make_case(moderator))
    assert appeal.case is not None
    with pytest.raises(CannotDecide, match="about you"):
        close(appeal.case, moderator, "disagreed")
