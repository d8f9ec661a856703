"""What a member sees and changes of the account: address, devices, a new password, a suspension."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from pytest_django.asserts import assertContains, assertNotContains

from tests.webapp.accounts.conftest import PASSWORD
from webapp.accounts.models import PasswordLink, User
from webapp.accounts.templatetags.devices import device
from webapp.moderation.models import AuditEntry
from webapp.moderation.services import suspensions

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "staple-battery-horse"


@pytest.fixture
def browser(member: User) -> Client:
    return logged_in(member)


def logged_in(member: User) -> Client:
    browser = Client()
    browser.post("/accounts/login/", {"login": member.email, "password": PASSWORD})
    return browser


@pytest.fixture
def administrator(db: None) -> Client:
    user = User.objects.create_user("the-administrator", is_staff=True)
    user.groups.add(Group.objects.get(name="administrator"))
    browser = Client()
    browser.force_login(user)
    return browser


# Address


def change_address(browser: Client, to: str) -> None:
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    browser.post("/accounts/email/", {"email": to, "action_add": ""})


def test_without_a_mail_server_an_address_changes_at_once(browser: Client, member: User) -> None:
    """Nobody could confirm it, and whoever changes it has just shown the password."""
    change_address(browser, "lovelace@example.org")
    member.refresh_from_db()
    assert member.email == "lovelace@example.org"
    assert [(row.email, row.primary) for row in EmailAddress.objects.all()] == [("lovelace@example.org", True)]


def test_with_a_mail_server_it_changes_when_confirmed(browser: Client, member: User, settings: Settings) -> None:
    """A typing mistake must not cost the account."""
    settings.SENDS_MAIL = True
    change_address(browser, "lovelace@example.org")
    member.refresh_from_db()
    assert member.email == "ada@example.com"
    assert [letter.to for letter in mail.outbox] == [["lovelace@example.org"]]
    assertContains(browser.get("/accounts/email/"), "waits to be confirmed")
    address = next(word for word in mail.outbox[0].body.split() if "/confirm-email/" in word)
    browser.post(urlsplit(address).path)
    member.refresh_from_db()
    assert member.email == "lovelace@example.org"
    assert [(row.email, row.verified) for row in EmailAddress.objects.all()] == [("lovelace@example.org", True)]


def test_an_address_has_one_owner(browser: Client, member: User) -> None:
    """Two people behind one address could take over each other's accounts."""
    User.objects.create_user("grace", email="grace@example.org")
    change_address(browser, "grace@example.org")
    member.refresh_from_db()
    assert member.email == "ada@example.com"


def test_an_address_is_not_changed_from_an_open_laptop(browser: Client, member: User) -> None:
    """It is the way to a new password."""
    browser.post("/accounts/email/", {"email": "mallory@example.org", "action_add": ""})
    member.refresh_from_db()
    assert member.email == "ada@example.com"


# Devices


def test_devices_are_listed_with_when_they_were_last_seen(browser: Client, member: User) -> None:
    """So that one can tell which of them is not one's own."""
    logged_in(member)
    page = browser.get("/accounts/sessions/")
    assertContains(page, "This one", 1)
    assertContains(page, "Last seen", 2)
    old = timezone.now() - timedelta(days=3)
    UserSession.objects.update(last_seen_at=old)
    cache.clear()
    browser.get("/your-data/")
    assert UserSession.objects.filter(last_seen_at__gt=old).count() == 1


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36", "Chrome, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge, Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox, macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1", "Safari, iPhone"),
        ("curl/8.5", "An unknown browser"),
    ],
)
def test_a_device_is_named_in_words(user_agent: str, words: str) -> None:
    """The name that a browser sends says everything and nothing."""
    assert device(user_agent) == words


def test_one_device_is_logged_out(browser: Client, member: User) -> None:
    """The other stays."""
    lost = logged_in(member)
    session = UserSession.objects.get(session_key=lost.session.session_key)
    assert browser.post(f"/accounts/sessions/{session.pk}/end/").status_code == 302
    assert lost.get("/accounts/sessions/").status_code == 302
    assert browser.get("/accounts/sessions/").status_code == 200


def test_nobody_ends_the_sessions_of_others(browser: Client, member: User) -> None:
    """Absent and not theirs look the same."""
    other = User.objects.create_user("grace", email="grace@example.org", password=PASSWORD)
    theirs = logged_in(other)
    session = UserSession.objects.get(user=other)
    assert browser.post(f"/accounts/sessions/{session.pk}/end/").status_code == 404
    assert browser.post("/accounts/sessions/999999/end/").status_code == 404
    assert theirs.get("/accounts/sessions/").status_code == 200


def test_all_other_devices_are_logged_out(browser: Client, member: User) -> None:
    """One click after a phone was lost."""
    lost = logged_in(member)
    browser.post("/accounts/sessions/")
    assert lost.get("/accounts/sessions/").status_code == 302
    assert browser.get("/accounts/sessions/").status_code == 200


# A new password


def make_link(administrator: Client, member: User, reason: str = "Forgot it, called us") -> str:
    page = administrator.post(f"/admin/accounts/user/{member.pk}/password/", {"reason": reason})
    return str(page.context["address"]) if page.context else ""


def test_nobody_sets_another_persons_password(administrator: Client, member: User) -> None:
    """Whoever knows it could read their chats without a trace."""
    fields = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "usable_password": "true"}
    page = administrator.post(f"/admin/accounts/user/{member.pk}/password/", fields)
    assertNotContains(page, "password1")
    member.refresh_from_db()
    assert member.check_password(PASSWORD)
    assert not AuditEntry.objects.exists()


def test_a_link_is_on_record_and_the_person_is_told(administrator: Client, browser: Client, member: User) -> None:
    """The staff can help, and cannot do so unseen."""
    address = make_link(administrator, member)
    entry = AuditEntry.objects.get(action="password_link")
    assert (entry.subject_ref, entry.reason) == (str(member.pk), "Forgot it, called us")
    page = browser.get("/")
    assert page.context["num_unseen"] == 1
    assertContains(browser.get("/safety/mine/"), "made a link to a new password for you")
    assert PasswordLink.objects.get().seen_at is not None
    fresh = Client()
    form = fresh.get(urlsplit(address).path, follow=True)
    fresh.post(form.request["PATH_INFO"], {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    member.refresh_from_db()
    assert member.check_password(NEW_PASSWORD)
    assertContains(Client().get(urlsplit(address).path, follow=True), "invalid")


def test_a_link_is_sent_where_letters_are(
    administrator: Client,
    member: User,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """Then not even whoever asked for it sees it."""
    settings.SENDS_MAIL = True
    with django_capture_on_commit_callbacks(execute=True):
        assert make_link(administrator, member) == ""
    (letter,) = mail.outbox
    assert letter.to == [member.email]
    assert "/accounts/password/reset/key/" in letter.body


def test_a_link_needs_a_reason(administrator: Client, member: User, guest: User) -> None:
    """And somebody who has a password."""
    assert make_link(administrator, member, reason=" ") == ""
    assert not PasswordLink.objects.exists()
    assert administrator.get(f"/admin/accounts/user/{guest.pk}/password/").status_code == 404


def test_a_password_that_somebody_else_chose_opens_no_chats(client: Client, member: User) -> None:
    """Until it is changed, whoever chose it could read along."""
    User.objects.filter(pk=member.pk).update(must_change_password=True)
    browser = logged_in(member)
    assert browser.get("/").headers["Location"] == "/accounts/password/change/"
    browser.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )
    assert browser.get("/").status_code == 200


# A forgotten password


@pytest.mark.parametrize(("sends_mail", "words"), [(True, "You get a letter"), (False, "sends no letters")])
def test_the_way_to_a_new_password_is_honest(
    client: Client, db: None, settings: Settings, sends_mail: bool, words: str
) -> None:
    """A form that sends nothing would leave people waiting."""
    settings.SENDS_MAIL = sends_mail
    assertContains(client.get("/accounts/password/reset/"), words)


# Suspension


@pytest.mark.parametrize("page", ["/", "/your-data/", "/about/", "/accounts/login/"])
def test_every_page_tells_a_suspended_guest(client: Client, guest: User, page: str) -> None:
    """Why, until when, and where to object."""
    suspensions.suspend(guest, by=None, reason="Spam", until=timezone.now() + timedelta(days=3))
    said = client.get(page)
    assertContains(said, "You cannot send messages until")
    assertContains(said, "Reason: Spam")
    assertContains(said, "/safety/mine/")


def test_nobody_else_is_told(client: Client, guest: User) -> None:
    """A suspension that is over is not shown."""
    assertNotContains(client.get("/about/"), "You cannot send messages until")


# Limits and caches


def test_too_many_letters_are_refused_kindly(client: Client) -> None:
    """Also where allauth counts, which does not say how long to wait."""
    answers = [client.post("/accounts/password/reset/", {"email": "ada@example.com"}) for _ in range(6)]
    assert answers[-1].status_code == 429
    assertContains(answers[-1], "A little slower, please", status_code=429)


@pytest.mark.parametrize("address", ["/", "/chats/", "/safety/mine/", "/accounts/sessions/"])
def test_pages_of_a_person_are_kept_by_no_cache_on_the_way(browser: Client, address: str) -> None:
    assert "private" in browser.get(address)["Cache-Control"]
