"""Reporting an answer: by whoever got it, once, with a reason."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from django.utils.translation import override

from tests.webapp.moderation.making import close, make_case, make_moderator, make_reply
from webapp.accounts.models import User
from webapp.chat.errors import NotFound
from webapp.chat.models import Reply
from webapp.moderation.models import Case, Flag
from webapp.moderation.services import cases, looks, queue, reports
from webapp.moderation.services.reports import CannotReport

pytestmark = pytest.mark.django_db


def answered(owner: User, *, state: str = "done") -> Reply:
    return make_reply(owner, state=state, text="Bread was invented by llamas.")


def test_a_report_opens_a_case_with_its_reason(owner: User) -> None:
    """The reason is the category a moderator begins from; the words are read with the turn."""
    reply = answered(owner)
    case = reports.report(owner, reply.pk, "hateful", " Not about llamas ")
    flag = Flag.objects.get()
    assert (case.reply, case.category, flag.source) == (reply, "hate", "report")
    assert flag.told == "Hateful or insulting. Not about llamas"


def test_the_reason_is_read_in_the_language_of_whoever_reads_it(owner: User) -> None:
    """Somebody reports in Spanish and a moderator looks in German; what was written stays as it was written."""
    with override("es"):
        case = reports.report(owner, answered(owner).pk, "hateful", "No es de llamas")
    with override("de"):
        reason = str(reports.NAMES["hateful"])
        ((_source, told),) = looks.look(case, staff=make_moderator()).told
    assert reason not in ("Hateful or insulting", "")
    assert "".join(piece.text for piece in told) == f"{reason}. No es de llamas"


@pytest.mark.parametrize("reason", reports.NAMES)
def test_every_reason_is_taken(owner: User, reason: str) -> None:
    """With a name people can read."""
    assert reports.report(owner, answered(owner).pk, reason).state == "open"
    assert str(reports.NAMES[reason])


def test_as_much_as_the_field_takes_can_be_said(owner: User) -> None:
    """A form sends the end of a line as two characters; the field counts one."""
    reports.report(owner, answered(owner).pk, "wrong", "a\r\n" * (reports.MAX_TEXT_CHARS // 2 - 1) + "ab")
    with pytest.raises(CannotReport, match="900"):
        reports.report(owner, answered(owner).pk, "wrong", "a" * (reports.MAX_TEXT_CHARS + 1))


def test_a_reason_is_needed(owner: User) -> None:
    """One that is on the list."""
    for reason in ("", "because"):
        with pytest.raises(CannotReport, match="reason"):
            reports.report(owner, answered(owner).pk, reason)


def test_only_whoever_got_the_answer_can_report_it(owner: User) -> None:
    """Absent and not yours look the same."""
    stranger = User.objects.create_user("eve")
    for reply_id in (answered(owner).pk, uuid4()):
        with pytest.raises(NotFound):
            reports.report(stranger, reply_id, "wrong")
    assert not Case.objects.exists()


@pytest.mark.parametrize("state", ["blocked", "queued", "running"])
def test_there_must_be_an_answer(owner: User, state: str) -> None:
    """A withheld one is appealed, and one being written is not there yet."""
    with pytest.raises(CannotReport, match="no answer"):
        reports.report(owner, answered(owner, state=state).pk, "wrong")


def test_an_answer_is_reported_once(owner: User) -> None:
    """Twice is no louder, and what was decided is not opened again by whoever it was decided about."""
    reply = answered(owner)
    case = reports.report(owner, reply.pk, "wrong")
    assert reports.reported_in(reply.conversation) == {reply.pk}
    with pytest.raises(CannotReport, match="already"):
        reports.report(owner, reply.pk, "wrong")
    close(case, make_moderator())
    assert reports.reported_in(reply.conversation) == frozenset()
    with pytest.raises(CannotReport, match="already"):
        reports.report(owner, reply.pk, "wrong")
    case.refresh_from_db()
    assert case.state == "closed"


def test_reporting_lifts_no_strike(owner: User) -> None:
    """A case that is opened again by a report counts as it was decided, until it is decided otherwise."""
    reply = answered(owner)
    case = cases.flag(reply.pk, "guard_input", category="hate")
    moderator = make_moderator()
    close(case, moderator)
    assert cases.num_strikes(owner.pk) == 1
    assert reports.report(owner, reply.pk, "wrong").state == "open"
    assert cases.num_strikes(owner.pk) == 1
    other = make_case(owner)
    card = queue.with_what_cards_show(Case.objects.filter(pk=other.pk)).get()
    assert vars(card)["num_strikes"] == 1
    close(case, moderator, "disagreed")
    assert cases.num_strikes(owner.pk) == 0


def test_who_spoke_of_hurting_themselves_has_broken_no_rule(owner: User) -> None:
    """A moderator says that the guard was right, and the next case about this person is as any other's first."""
    case = make_case(owner, category="self_harm")
    moderator = make_moderator()
    close(case, moderator)
    assert cases.num_strikes(owner.pk) == 0
    close(make_case(owner, category="self_harm"), moderator, consequence="warn")
    assert cases.num_strikes(owner.pk) == 1


def test_a_report_makes_no_strike_of_whoever_reports(owner: User) -> None:
    """The answer was the assistant's. Only what a moderator then does to the person is about the person."""
    moderator = make_moderator()
    close(reports.report(owner, answered(owner).pk, "hateful"), moderator)
    assert cases.num_strikes(owner.pk) == 0
    close(reports.report(owner, answered(owner).pk, "hateful"), moderator, consequence="warn")
    assert cases.num_strikes(owner.pk) == 1


def test_a_day_has_so_many_reports(owner: User, settings: Any) -> None:
    """Otherwise one person could fill the queue."""
    for _ in range(settings.MODERATION.reports_per_day):
        reports.report(owner, answered(owner).pk, "wrong")
    with pytest.raises(CannotReport, match="a day"):
        reports.report(owner, answered(owner).pk, "wrong")
    Flag.objects.update(created_at=timezone.now() - timedelta(hours=25))
    reports.report(owner, answered(owner).pk, "wrong")


def test_a_text_has_an_end(owner: User) -> None:
    """What is too long is refused and not cut."""
    with pytest.raises(CannotReport, match="900"):
        reports.report(owner, answered(owner).pk, "wrong", "x" * 901)
    reports.report(owner, answered(owner).pk, "wrong", "x" * 900)
