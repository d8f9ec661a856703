"""Looking after people: suspending them, and who may change what."""

import pytest
from django.contrib.auth.models import Group
from django.http import HttpResponseBase
from django.test import Client

from tests.webapp.accounts.conftest import BrowserOf, ChatOf
from webapp.accounts.models import User
from webapp.chat.models import Conversation

pytestmark = pytest.mark.django_db

FOREVER = {"suspended_until_0": "2100-01-01", "suspended_until_1": "00:00:00", "suspension_reason": "Spam"}
EVERYTHING = {
    **FOREVER,
    "username": "taken-over",
    "email": "taken@example.com",
    "first_name": "Taken",
    "is_active": "on",
    "is_staff": "on",
    "is_superuser": "on",
}


@pytest.fixture
def browser_of() -> BrowserOf:
    def log_in(role: str) -> Client:
        user = User.objects.create_user(f"the-{role}", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        browser = Client()
        browser.force_login(user)
        return browser

    return log_in


def change(browser: Client, person: User, fields: dict[str, str]) -> HttpResponseBase:
    response = browser.post(f"/admin/accounts/user/{person.pk}/change/", fields)
    person.refresh_from_db()
    return response


def test_a_moderator_suspends_and_changes_nothing_else(browser_of: BrowserOf, member: User) -> None:
    """Whatever the form sends, only the two fields of a suspension arrive."""
    assert change(browser_of("moderator"), member, EVERYTHING).status_code == 302
    assert member.is_suspended
    assert member.suspension_reason == "Spam"
    assert (member.username, member.email, member.first_name) == ("ada", "ada@example.com", "")
    assert (member.is_staff, member.is_superuser) == (False, False)


def test_an_administrator_cannot_hand_out_roles(browser_of: BrowserOf, member: User) -> None:
    """Otherwise they could make themselves, or a friend, anything."""
    assert change(browser_of("administrator"), member, EVERYTHING).status_code == 302
    assert member.first_name == "Taken"
    assert (member.is_staff, member.is_superuser) == (False, False)
    assert member.email == "ada@example.com"


@pytest.mark.parametrize("role", ["moderator", "administrator"])
def test_staff_are_looked_after_by_superusers(browser_of: BrowserOf, role: str) -> None:
    """Nobody can take over a colleague's account and read in their name."""
    colleague = User.objects.create_user("colleague", is_staff=True)
    assert change(browser_of(role), colleague, EVERYTHING).status_code == 403
    assert colleague.username == "colleague"
    assert not colleague.is_suspended


def test_a_moderator_sees_no_password_not_even_hashed(browser_of: BrowserOf, member: User) -> None:
    """A hash is for checking, not for looking at."""
    page = browser_of("moderator").get(f"/admin/accounts/user/{member.pk}/change/").content.decode()
    assert member.password not in page
    assert "../password/" not in page


def test_deleting_a_person_deletes_what_is_theirs(browser_of: BrowserOf, member: User, chat_of: ChatOf) -> None:
    """People may ask for that, and then everything goes."""
    chat_of(member)
    browser_of("administrator").post(f"/admin/accounts/user/{member.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(pk=member.pk).exists()
    assert not Conversation.objects.exists()


def test_somebody_added_by_hand_chooses_their_own_password(admin_client: Client) -> None:
    """Whoever added them knows the first one."""
    fields = {"username": "grace", "usable_password": "true", "password1": "Tr1ceratops", "password2": "Tr1ceratops"}
    assert admin_client.post("/admin/accounts/user/add/", fields).status_code == 302
    assert User.objects.get(username="grace").must_change_password


def test_people_are_listed_with_what_matters(admin_client: Client, member: User, guest: User, chat_of: ChatOf) -> None:
    """Guest or member, suspended or not, and how much they chat."""
    chat_of(member)
    change(admin_client, guest, {"username": guest.username, "is_active": "on", **FOREVER})
    listed = admin_client.get("/admin/accounts/user/").content.decode()
    assert "suspended" in listed
    assert admin_client.get("/admin/accounts/user/", {"suspended": "now"}).context["cl"].result_count == 1
    assert admin_client.get("/admin/accounts/user/", {"is_guest__exact": "0"}).context["cl"].result_count == 2
