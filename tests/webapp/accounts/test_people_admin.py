"""Looking after people: suspending them, and who may change what."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from tests.webapp.accounts.conftest import BrowserOf, ChatOf
from webapp.accounts.models import User
from webapp.chat.models import Conversation
from webapp.moderation.models import AuditEntry, Suspension
from webapp.moderation.services import suspensions

pytestmark = pytest.mark.django_db

EVERYTHING = {
    "suspended_until_0": "2100-01-01",
    "suspended_until_1": "00:00:00",
    "suspension_reason": "Spam",
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


def suspend(browser: Client, person: User, **fields: str) -> HttpResponseBase:
    response = browser.post(f"{page_of(person)}suspend/", {"days": "3", "reason": "Spam", **fields})
    person.refresh_from_db()
    return response


def lift(browser: Client, person: User, **fields: str) -> HttpResponseBase:
    response = browser.post(f"{page_of(person)}lift/", {"reason": "A mix-up of names", **fields})
    person.refresh_from_db()
    return response


def page_of(person: User) -> str:
    return f"/admin/accounts/user/{person.pk}/"


def test_a_moderator_changes_nothing_of_a_person(browser_of: BrowserOf, member: User) -> None:
    """Suspending is an act with a reason, not a field of a form."""
    assert change(browser_of("moderator"), member, EVERYTHING).status_code == 403
    assert (member.username, member.is_suspended) == ("ada", False)


def test_a_suspension_has_days_and_a_reason_and_is_on_record(browser_of: BrowserOf, member: User) -> None:
    """The person is told why and until when, and the staff can see who did it."""
    moderator = browser_of("moderator")
    assert suspend(moderator, member).status_code == 302
    assert (member.is_suspended, member.suspension_reason) == (True, "Spam")
    assert member.suspended_until is not None
    assert member.suspended_until - timezone.now() == pytest.approx(timedelta(days=3), abs=timedelta(minutes=1))
    entry = AuditEntry.objects.get(action="suspend")
    assert (entry.actor_ref, entry.subject_ref) == (str(Suspension.objects.get().by_id), str(member.pk))
    page = moderator.get(f"{page_of(member)}change/").content.decode()
    assert "Spam" in page
    assert "/lift/" in page


@pytest.mark.parametrize("fields", [{"reason": "  "}, {"days": "0"}, {"days": "366"}, {"days": "soon"}])
def test_a_suspension_without_end_or_reason_is_refused(
    browser_of: BrowserOf, member: User, fields: dict[str, str]
) -> None:
    """Nobody is shut out for ever by a slip, nor without a word."""
    assert suspend(browser_of("moderator"), member, **fields).status_code == 200
    assert not member.is_suspended
    assert not AuditEntry.objects.exists()


def test_lifting_ends_every_suspension_of_a_person(browser_of: BrowserOf, member: User) -> None:
    """Two moderators may have acted on the same evening; the person is free or is not."""
    moderator = browser_of("moderator")
    suspend(moderator, member)
    suspend(moderator, member, days="9")
    assert lift(moderator, member, reason=" ").status_code == 200
    assert member.is_suspended, "why is asked for this too"
    assert lift(moderator, member).status_code == 302
    assert not member.is_suspended
    assert AuditEntry.objects.filter(action="lift", reason="A mix-up of names").count() == 2
    page = moderator.get(f"{page_of(member)}change/").content.decode()
    assert "A mix-up of names" in page
    assert "/lift/" not in page


def test_a_suspension_ends_by_itself(browser_of: BrowserOf, member: User) -> None:
    """No job has to run for that."""
    suspend(browser_of("moderator"), member)
    Suspension.objects.update(until=timezone.now())
    User.objects.filter(pk=member.pk).update(suspended_until=timezone.now())
    member.refresh_from_db()
    assert not member.is_suspended
    assert suspensions.running(member) is None


@pytest.mark.parametrize("role", ["experimenter", "member"])
def test_only_those_who_may_suspend_do(browser_of: BrowserOf, member: User, role: str) -> None:
    """Neither a colleague of another trade nor somebody from outside."""
    browser = Client() if role == "member" else browser_of(role)
    for act in (suspend, lift):
        assert act(browser, member).status_code in (302, 403)
    assert not member.is_suspended
    assert not Suspension.objects.exists()


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
    browser = browser_of(role)
    assert change(browser, colleague, EVERYTHING).status_code == 403
    assert suspend(browser, colleague).status_code == 403
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
    suspend(admin_client, guest)
    listed = admin_client.get("/admin/accounts/user/").content.decode()
    assert "suspended" in listed
    assert admin_client.get("/admin/accounts/user/", {"suspended": "now"}).context["cl"].result_count == 1
    assert admin_client.get("/admin/accounts/user/", {"is_guest__exact": "0"}).context["cl"].result_count == 2


@pytest.mark.parametrize("act", ["suspend", "lift"])
@pytest.mark.parametrize("person_id", ["abc", "00000000-0000-0000-0000-000000000000"])
def test_what_is_nobodys_id_is_not_found(browser_of: BrowserOf, person_id: str, act: str) -> None:
    """Also what could be no id at all."""
    assert browser_of("moderator").get(f"/admin/accounts/user/{person_id}/{act}/").status_code == 404
