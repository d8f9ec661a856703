"""From guest to member, through allauth's own pages."""

from collections.abc import Callable

import pytest
from django.http import HttpResponseBase
from django.test import Client

from tests.webapp.accounts.conftest import PASSWORD, ChatOf
from webapp.accounts.models import User
from webapp.accounts.services.guests import SESSION_KEY
from webapp.chat.models import Conversation

pytestmark = pytest.mark.django_db


def sign_up(browser: Client, email: str = "ada@example.com") -> HttpResponseBase:
    return browser.post("/accounts/signup/", {"email": email, "password1": PASSWORD, "password2": PASSWORD})


def log_in(browser: Client, email: str = "ada@example.com", password: str = PASSWORD) -> HttpResponseBase:
    return browser.post("/accounts/login/", {"login": email, "password": password})


def test_signing_up_keeps_the_guest_and_their_chats(client: Client, guest: User, chat_of: ChatOf) -> None:
    """The row stays the same, so nothing has to move and no link breaks."""
    conversation = chat_of(guest)
    assert sign_up(client).status_code == 302
    member = User.objects.get()
    assert (member.pk, member.is_guest, member.email) == (guest.pk, False, "ada@example.com")
    assert member.check_password(PASSWORD)
    assert not member.username.startswith("guest-")
    assert list(Conversation.objects.of(member)) == [conversation]
    assert client.session["_auth_user_id"] == str(guest.pk)
    assert SESSION_KEY not in client.session


def test_signing_up_without_a_guest_makes_a_new_person(client: Client) -> None:
    """Nobody has to chat before they may sign up."""
    assert sign_up(client).status_code == 302
    member = User.objects.get()
    assert not member.is_guest
    assert member.email == "ada@example.com"


def test_a_refused_sign_up_leaves_the_guest_a_guest(client: Client, guest: User, member: User, chat_of: ChatOf) -> None:
    """A taken address must not cost anybody their chats."""
    conversation = chat_of(guest)
    assert sign_up(client, email=member.email).status_code == 200
    guest.refresh_from_db()
    assert guest.is_guest
    assert client.session[SESSION_KEY] == str(guest.pk)
    assert conversation.owner == guest


def test_logging_in_brings_the_guests_chats_along(client: Client, guest: User, member: User, chat_of: ChatOf) -> None:
    """What was asked before remembering the password belongs to the same person."""
    before, during = chat_of(member), chat_of(guest)
    assert log_in(client).status_code == 302
    assert set(Conversation.objects.of(member)) == {before, during}
    assert not User.objects.filter(pk=guest.pk).exists()
    assert SESSION_KEY not in client.session


def test_a_wrong_password_moves_nothing(client: Client, guest: User, member: User, chat_of: ChatOf) -> None:
    """Chats move to people who have proved who they are."""
    chat_of(guest)
    assert log_in(client, password="wrong").status_code == 200
    assert Conversation.objects.of(guest).count() == 1
    assert client.session[SESSION_KEY] == str(guest.pk)


def test_the_administrations_own_login_brings_chats_along_too(client: Client, guest: User, chat_of: ChatOf) -> None:
    """There is more than one door, and none of them may lose a chat."""
    chat_of(guest)
    admin = User.objects.create_superuser("admin", password=PASSWORD)
    client.post("/admin/login/", {"username": "admin", "password": PASSWORD})
    assert Conversation.objects.of(admin).count() == 1


def test_a_guest_of_another_browser_is_untouched(client: Client, guest: User, member: User, chat_of: ChatOf) -> None:
    """Only the chats of this browser come along."""
    elsewhere = Client()
    elsewhere.post("/guest/")
    other = User.objects.get(pk=elsewhere.session[SESSION_KEY])
    conversation = chat_of(other)
    log_in(client)
    other.refresh_from_db()
    assert other.is_guest
    assert list(Conversation.objects.of(other)) == [conversation]
    assert elsewhere.session[SESSION_KEY] == str(other.pk)


@pytest.mark.parametrize("enter", [sign_up, log_in])
def test_entering_changes_the_session_key(
    client: Client, guest: User, enter: Callable[[Client], HttpResponseBase]
) -> None:
    """A session planted before the login is worth nothing after it."""
    if enter is log_in:
        User.objects.create_user("ada", email="ada@example.com", password=PASSWORD)
    before = str(client.session.session_key)
    enter(client)
    assert client.session.session_key != before
    assert not client.session.exists(before)


def test_logging_out_leaves_nobody_behind(client: Client, guest: User, chat_of: ChatOf) -> None:
    """The next person at this browser starts with nothing, not as the guest of before."""
    sign_up(client)
    client.post("/accounts/logout/")
    assert SESSION_KEY not in client.session
    assert "_auth_user_id" not in client.session
    client.post("/guest/")
    assert client.session[SESSION_KEY] != str(guest.pk)


def test_a_guest_cannot_log_out_of_their_chats(client: Client, guest: User) -> None:
    """A guest has no way back in, so logging out would be losing everything."""
    client.post("/accounts/logout/")
    assert client.session[SESSION_KEY] == str(guest.pk)


def test_a_suspended_guest_stays_suspended_as_a_member(client: Client, guest: User) -> None:
    """Signing up is no way around a suspension."""
    User.objects.filter(pk=guest.pk).update(suspended_until="2100-01-01T00:00Z", suspension_reason="Spam")
    sign_up(client)
    member = User.objects.get()
    assert not member.is_guest
    assert member.is_suspended


def test_nobody_is_called_admin_by_signing_up(client: Client) -> None:
    """Usernames are made from addresses; this one is kept for the administrator of a fresh machine."""
    sign_up(client, email="admin@example.com")
    assert User.objects.get().username != "admin"
