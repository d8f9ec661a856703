"""Erasing: nothing of the person is left, nothing of anybody else is gone, and there is a receipt."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import redis as redis_client
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from tests.conftest import RedisServer
from tests.webapp.chat.drawing import draw
from tests.webapp.privacy.conftest import SECRET, make_everything, make_member, make_turn
from tests.webapp.privacy.traces import traces
from webapp.accounts.models import User
from webapp.accounts.services.guests import SESSION_KEY
from webapp.chat import turn_log
from webapp.chat.models import Conversation, Picture, Reply
from webapp.chat.services import search
from webapp.moderation.models import Appeal, AuditEntry, Review, Suspension
from webapp.moderation.services import audit, originals
from webapp.personal.models import Memory
from webapp.privacy import inventory
from webapp.privacy.errors import NotThisAccount
from webapp.privacy.models import ErasureReceipt
from webapp.privacy.services import erasure
from webapp.privacy.services.erasure import erase_account, erase_idle_guests, wipe

pytestmark = pytest.mark.django_db

RARE = "diagnosis"
"""A part of the secret that the index keeps as a word."""
ON_RECORD = {"moderation.AuditEntry.subject_ref", "moderation.AuditEntry.actor_ref", "moderation.Reveal.staff_ref"}


def test_nothing_is_left_of_a_person_who_leaves(member: User) -> None:
    """Ids and texts, in any table. The records of the staff's acts keep the id, which then leads nowhere."""
    make_everything(member, make_member("grace"))
    ids = (str(member.pk), member.pk.hex, member.email)
    assert {"chat.Message.text", "accounts.User.id", "library.Passage.text"} <= traces(SECRET, *ids)
    search.forget_deleted()
    assert (connection.vendor != "sqlite") or "chat_search_data" in traces(RARE)
    erase_account(member)
    search.forget_deleted()
    assert traces(RARE) == set()
    assert traces(SECRET) == set()
    assert traces(*ids) == ON_RECORD


@pytest.mark.parametrize("erase", [wipe, erase_account])
def test_no_picture_is_left(member: User, erase: Callable[[User], ErasureReceipt]) -> None:
    """Shown or withheld; those of others stay."""
    other = make_member("grace")
    withheld, theirs = make_turn(member), make_turn(other)
    draw(make_turn(member))
    draw(withheld)
    kept = draw(theirs)
    originals.keep(withheld.pk, "Withheld")
    assert erase(member).erased["pictures"] == 2
    assert list(Picture.objects.all()) == [kept]


def test_nobody_else_loses_anything(member: User) -> None:
    """What the person did as one of the staff stays, about other people, without their name."""
    other = make_member("grace")
    make_everything(member, other)
    make_turn(other)
    before = Conversation.objects.of(other).count()
    erase_account(member)
    assert Conversation.objects.of(other).count() == before
    assert Review.objects.get().reviewer is None
    assert Suspension.objects.get().by is None
    assert audit.first_broken() is None


def test_the_receipt_says_how_much_and_names_nobody(member: User) -> None:
    """It is for whoever left, who has no account any more to look it up in."""
    make_everything(member, make_member("grace"))
    receipt = erase_account(member)
    assert receipt.kind == ErasureReceipt.Kind.ACCOUNT
    assert (receipt.erased["chats"], receipt.erased["messages"], receipt.erased["documents"]) == (1, 1, 1)
    assert receipt.kept == {"records": 1}
    entry = AuditEntry.objects.get(action="erase_account")
    assert (entry.subject_ref, entry.actor_ref) == (str(receipt.pk), "")


def test_staff_are_not_erased(member: User) -> None:
    """What they did stays on record under their name, so a colleague takes the role away first."""
    User.objects.filter(pk=member.pk).update(is_staff=True)
    make_turn(member)
    with pytest.raises(NotThisAccount):
        erase_account(member)
    assert Conversation.objects.of(member).exists()


def test_wiping_keeps_the_account_and_what_the_staff_decided(member: User) -> None:
    """It is no way out of a suspension, and no way to lose one's login."""
    make_everything(member, make_member("grace"))
    receipt = wipe(member)
    assert receipt.kind == ErasureReceipt.Kind.WIPE
    assert not Conversation.objects.of(member).exists()
    assert not Memory.objects.filter(owner=member).exists()
    assert EmailAddress.objects.filter(user=member).count() == 2
    assert Authenticator.objects.filter(user=member).count() == 1
    assert member.suspensions.count() == 1
    assert receipt.erased["memories"] == 1
    assert receipt.kept["suspensions"] == 1


def test_the_receipt_of_a_wipe_says_what_is_true(member: User) -> None:
    """A case hangs on its turn, and the appeal about it too: they are not among what is kept. Each thing counts once,
    as erased or as kept."""
    make_everything(member, make_member("grace"))
    suspension = member.suspensions.get()
    Appeal.objects.create(person=member, suspension=suspension, text=SECRET)
    receipt = wipe(member)
    left = {found.kind.code: found.num for found in inventory.stored(member) if found.num}
    assert receipt.kept == {**left, "records": 1}
    assert (receipt.erased["cases"], receipt.erased["appeals"], receipt.kept["appeals"]) == (1, 1, 1)
    assert "cases" not in receipt.kept


def test_erasing_twice_is_refused(member: User) -> None:
    """Two tabs at once are one erasure."""
    erase_account(User.objects.get(pk=member.pk))
    with pytest.raises(User.DoesNotExist):
        erase_account(member)
    assert ErasureReceipt.objects.count() == 1


def test_a_worker_that_still_writes_touches_nothing(member: User) -> None:
    """Its turn is gone, which looks to it as if somebody else had taken it over."""
    reply = make_turn(member, state=Reply.State.RUNNING)
    Reply.objects.filter(pk=reply.pk).update(epoch=1)
    assert Reply.objects.owned(reply.pk, 1).exists()
    erase_account(member)
    assert Reply.objects.owned(reply.pk, 1).update(text="more") == 0


def test_turn_logs_go_too(
    member: User, redis: RedisServer, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """They hold the words of the answers of the last minutes."""
    mine, others = make_turn(member), make_turn(make_member("grace"))
    with redis_client.Redis.from_url(redis.url) as logs:
        for reply in (mine, others):
            logs.xadd(turn_log.key(reply.pk), {"e": SECRET})
        with django_capture_on_commit_callbacks(execute=True):
            erase_account(member)
        assert not logs.exists(turn_log.key(mine.pk))
        assert logs.exists(turn_log.key(others.pk))


def test_every_browser_of_the_person_is_logged_out(member: User) -> None:
    """A cookie of yesterday must lead to nobody; others stay logged in."""
    mine, elsewhere, others = Client(), Client(), Client()
    for browser, person in ((mine, member), (elsewhere, member), (others, make_member("grace"))):
        browser.force_login(person)
    Client().post("/guest/")
    erase_account(member)
    left = {session.get_decoded().get("_auth_user_id") for session in Session.objects.all()}
    assert str(member.pk) not in left
    assert Session.objects.count() == 2


def make_guest(browser: Client, *, days_ago: int) -> User:
    browser.post("/guest/")
    guest = User.objects.get(pk=browser.session[SESSION_KEY])
    then = timezone.now() - timedelta(days=days_ago)
    make_turn(guest)
    Conversation.objects.of(guest).update(updated_at=then)
    User.objects.filter(pk=guest.pk).update(seen_on=then.date(), date_joined=then)
    return guest


def test_guests_who_left_for_good_are_erased(settings: Settings, member: User) -> None:
    """They cannot ask for it themselves: the cookie that was their key is gone."""
    settings.GUEST_DAYS = 90
    left, stayed = make_guest(Client(), days_ago=92), make_guest(Client(), days_ago=88)
    User.objects.filter(pk=member.pk).update(seen_on="2020-01-01")
    assert erase_idle_guests() == 1
    assert set(User.objects.all()) == {stayed, member}
    assert not Conversation.objects.filter(owner=left.pk).exists()
    assert Session.objects.count() == 1


def test_a_guest_who_only_reads_has_visited(settings: Settings) -> None:
    """Coming back counts, whether or not they write."""
    settings.GUEST_DAYS = 90
    browser = Client()
    make_guest(browser, days_ago=100)
    browser.get("/your-data/")
    assert erase_idle_guests() == 0


def test_a_guest_who_signs_up_while_others_are_erased_stays(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of whom to erase was made a moment before."""
    settings.GUEST_DAYS = 90
    guests = [make_guest(Client(), days_ago=100) for _ in range(2)]
    erase = erasure._erase

    def erase_while_the_others_sign_up(guest: User, *, by: User | None) -> ErasureReceipt:
        User.objects.exclude(pk=guest.pk).update(is_guest=False)
        return erase(guest, by=by)

    monkeypatch.setattr(erasure, "_erase", erase_while_the_others_sign_up)
    assert erase_idle_guests() == 1
    assert User.objects.get() in guests


def test_an_operator_can_keep_guests(settings: Settings) -> None:
    """Zero days is for ever."""
    settings.GUEST_DAYS = 0
    make_guest(Client(), days_ago=4000)
    assert erase_idle_guests() == 0


def test_deleting_in_the_administration_is_the_same_erasure(admin_client: Client, member: User) -> None:
    """With sessions, files and receipt; the administration's own log does not name the person any more."""
    make_everything(member, make_member("grace"))
    admin_client.post(f"/admin/accounts/user/{member.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(pk=member.pk).exists()
    assert ErasureReceipt.objects.count() == 1
    assert traces(SECRET, str(member.pk)) == ON_RECORD
