"""The daily letter: one to each moderator, on days on which something waits."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone
from django.utils.translation import get_language

from tests.webapp.moderation.making import SECRET, close, make_case, make_moderator, make_reply
from webapp.accounts.models import User
from webapp.moderation.models import AuditEntry, Case, Suspension
from webapp.moderation.services import appeals, chain, digests, suspensions

pytestmark = pytest.mark.django_db


@pytest.fixture
def moderator(db: None) -> User:
    return with_address(make_moderator())


def with_address(person: User) -> User:
    person.email = f"{person.username}@example.org"
    person.save()
    return person


def test_a_day_with_nothing_to_do_has_no_letter(moderator: User) -> None:
    """Nobody reads letters that say nothing."""
    assert digests.send_due() == 0
    assert mail.outbox == []


def test_a_letter_says_what_waits(owner: User, moderator: User, settings: Any) -> None:
    """By category and source, the oldest, the appeals, how often guards were wrong, and where to go."""
    make_case(owner, category="privacy")
    for _ in range(2):
        make_case(owner)
        appeals.appeal(owner, reply_id=make_reply(owner).pk)
    close(make_case(owner), moderator, "disagreed")
    Case.objects.filter(category="privacy").update(opened_at=timezone.now() - timedelta(days=2))
    anchor = chain.head()
    assert anchor.num == 1
    assert digests.send_due() == 1
    (letter,) = mail.outbox
    assert letter.to == [moderator.email]
    assert letter.subject == "Cria: 5 cases wait"
    for line in (
        "5 cases wait for a decision.",
        "2  hate against groups of people",
        "1  other people's private information",
        "3  guard, message",
        "2  appeal",
        "1 person has appealed",
        "a false alarm in 100% of 1 decided",
        f"{settings.SITE_ADDRESS}/admin/moderation/case/",
        f"Anchor of the record: {anchor}",
    ):
        assert line in str(letter.body)
    assert "2\xa0days" in str(letter.body)


def test_each_letter_is_in_the_language_of_whoever_gets_it(
    owner: User, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site has one language; its moderators need not."""
    other = with_address(make_moderator("mo-2"))
    User.objects.filter(pk=other.pk).update(language="de")
    make_case(owner)
    rendered: list[str | None] = []
    render = digests.render_to_string

    def listening(template: str, context: dict[str, Any]) -> str:
        rendered.append(get_language())
        return str(render(template, context))

    monkeypatch.setattr(digests, "render_to_string", listening)
    digests.send_due()
    assert sorted(map(str, rendered)) == ["de", "en"]
    assert get_language() == "en"


def test_a_letter_holds_no_word_of_anybody(owner: User, moderator: User) -> None:
    """Mailboxes are not ours to keep private things in."""
    make_case(owner)
    appeals.appeal(owner, reply_id=make_reply(owner).pk, text="my-own-words")
    digests.send_due()
    (letter,) = mail.outbox
    for private in (SECRET, "my-own-words", owner.username, owner.email):
        assert private not in f"{letter.subject} {letter.body}"


def test_one_letter_a_day_however_often_it_is_asked(owner: User, moderator: User) -> None:
    """And however many cases come."""
    make_case(owner)
    assert digests.send_due() == 1
    make_case(owner)
    assert digests.send_due() == 0
    assert len(mail.outbox) == 1


def test_the_next_day_has_its_own(owner: User, moderator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as something waits."""
    make_case(owner)
    digests.send_due()
    tomorrow = timezone.now() + timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: tomorrow)
    assert digests.send_due() == 1


def test_a_letter_that_could_not_leave_is_tried_again(
    owner: User, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record says both. The mail server is asked outside of any transaction, so that nobody waits for it."""
    make_case(owner)

    def away(*_args: object, **_kwargs: object) -> None:
        depths.append(len(connection.savepoint_ids))
        raise ConnectionRefusedError

    depths: list[int] = []
    before = len(connection.savepoint_ids)

    with monkeypatch.context() as patched:
        patched.setattr(digests, "send_mail", away)
        assert digests.send_due() == 0
    assert depths == [before]
    assert digests.send_due() == 1
    acts = AuditEntry.objects.filter(action__startswith="digest").order_by("pk")
    assert list(acts.values_list("action", flat=True)) == ["digest", "digest_failed", "digest"]


def test_letters_go_to_those_who_decide_cases(owner: User, moderator: User) -> None:
    """Not to experimenters, people without an address, those who left, or anybody else."""
    administrator = with_address(make_moderator("admin-1", role="administrator"))
    with_address(make_moderator("exp", role="experimenter"))
    make_moderator("no-address")
    gone = with_address(make_moderator("gone"))
    User.objects.filter(pk=gone.pk).update(is_active=False)
    assert set(digests.recipients()) == {moderator, administrator}


def test_an_appeal_against_a_suspension_is_reason_enough(owner: User, moderator: User) -> None:
    """It has no case and waits all the same."""
    suspension = suspensions.suspend(owner, by=None, reason="Spam", until=timezone.now() + timedelta(days=3))
    appeals.appeal(owner, suspension_id=suspension.pk)
    assert digests.send_due() == 1
    assert Suspension.objects.count() == 1


def test_an_address_that_takes_no_letters_keeps_nobody_from_theirs(
    owner: User, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes after it in the list would never hear of the queue again."""
    others = [with_address(make_moderator(f"mo-{number}")) for number in range(3)]
    make_case(owner)
    send = digests.send_mail

    def refuses_one(subject: str, text: str, sender: None, to: list[str]) -> int:
        if to == [others[0].email]:
            raise SMTPRecipientsRefused({})
        return send(subject, text, sender, to)

    monkeypatch.setattr(digests, "send_mail", refuses_one)
    assert digests.send_due() == 3
