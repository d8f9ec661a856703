"""The pages: what they show, and who has to prove what before something is gone."""

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from tests.webapp.privacy.conftest import PASSWORD, SECRET, make_everything, make_member, make_turn
from webapp.accounts.models import User
from webapp.accounts.services.guests import SESSION_KEY
from webapp.chat.models import Conversation
from webapp.privacy.models import DataExport, ErasureReceipt

pytestmark = pytest.mark.django_db

CONFIRMED = {"confirmation": "delete"}


@pytest.fixture
def guest(client: Client) -> User:
    client.post("/guest/")
    guest = User.objects.get(pk=client.session[SESSION_KEY])
    make_turn(guest)
    return guest


def reauthenticate(browser: Client) -> None:
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})


def test_it_says_what_is_stored(browser: Client, member: User) -> None:
    """With how much of each kind, and what is remembered word by word."""
    make_everything(member, make_member("grace"))
    page = browser.get("/your-data/")
    counted = {line.kind.code: line.num for line in page.context["stored"]}
    assert 0 not in counted.values()
    assert (counted["chats"], counted["documents"], counted["addresses"]) == (1, 1, 2)
    assertContains(page, SECRET)


def test_it_says_what_the_browser_told(browser: Client, member: User) -> None:
    """It is kept with the account, and so is no row of its own."""
    told = {"language": "de", "country": "CH", "device": "phone", "time_zone": "Europe/Zurich"}
    User.objects.filter(pk=member.pk).update(**told, seen_on=timezone.now().date())
    day = date_format(timezone.now().date())
    assertContains(browser.get("/your-data/"), f"Deutsch · CH · phone · Europe/Zurich · {day} (UTC)")


def test_nothing_is_stored_of_somebody_who_only_looks(client: Client) -> None:
    """The page makes nobody a guest."""
    assertContains(client.get("/your-data/"), "Nothing yet")
    assert not User.objects.exists()


def test_nobody_has_nothing_to_export_or_erase(client: Client) -> None:
    """And what is absent is not found."""
    for address in ("export", "wipe", "delete"):
        assert client.post(f"/your-data/{address}/", CONFIRMED).status_code == 404


def test_asking_for_an_export_is_a_click(browser: Client, member: User) -> None:
    """A worker makes it; the page says so meanwhile."""
    assertRedirects(browser.post("/your-data/export/"), "/your-data/")
    assertContains(browser.get("/your-data/"), "Being made")
    assert DataExport.objects.get().person == member


def test_wiping_needs_the_word(browser: Client, member: User) -> None:
    """A slip of the finger erases nothing."""
    make_turn(member)
    assertContains(browser.post("/your-data/wipe/", {"confirmation": "yes"}), "Please type")
    assert Conversation.objects.of(member).exists()
    response = browser.post("/your-data/wipe/", {"confirmation": " Delete "})
    assertRedirects(response, f"/your-data/receipt/{ErasureReceipt.objects.get().pk}/")
    assert not Conversation.objects.of(member).exists()
    assert browser.session["_auth_user_id"] == str(member.pk)


def test_a_member_proves_who_they_are_before_the_account_goes(browser: Client, member: User) -> None:
    """Somebody at an open laptop cannot erase its owner."""
    response = browser.get("/your-data/delete/")
    assertRedirects(response, "/accounts/reauthenticate/?next=%2Fyour-data%2Fdelete%2F", fetch_redirect_response=False)
    assert browser.post("/your-data/delete/", CONFIRMED).status_code == 302
    assert User.objects.filter(pk=member.pk).exists()
    reauthenticate(browser)
    assertContains(browser.post("/your-data/delete/", {"confirmation": "no"}), "Please type")
    assert browser.post("/your-data/delete/", CONFIRMED).status_code == 302
    assert not User.objects.filter(pk=member.pk).exists()
    assert "_auth_user_id" not in browser.session


def test_a_guest_types_the_word(client: Client, guest: User) -> None:
    """They have no password to show."""
    assertContains(client.get("/your-data/delete/"), "Delete everything")
    client.post("/your-data/delete/", {"confirmation": ""})
    assert User.objects.filter(pk=guest.pk).exists()
    client.post("/your-data/delete/", CONFIRMED)
    assert not User.objects.exists()
    assert SESSION_KEY not in client.session


def test_the_receipt_needs_no_login(client: Client, guest: User) -> None:
    """Its address is the key; nobody else can guess it."""
    client.post("/your-data/delete/", CONFIRMED)
    receipt = ErasureReceipt.objects.get()
    page = Client().get(f"/your-data/receipt/{receipt.pk}/")
    assertContains(page, "Your account is deleted")
    assertContains(page, "1 erased")
    text = Client().get(f"/your-data/receipt/{receipt.pk}/text/")
    assertContains(text, "Messages: 1")
    assertNotContains(text, str(guest.pk))
    assert Client().get("/your-data/receipt/00000000-0000-0000-0000-000000000000/").status_code == 404


def test_staff_are_told_why_not(client: Client) -> None:
    """A superuser takes the role away first."""
    staff = User.objects.create_user("root", password=PASSWORD, is_staff=True)
    client.force_login(staff)
    reauthenticate(client)
    response = client.post("/your-data/delete/", CONFIRMED, follow=True)
    assertContains(response, "Accounts of the staff are not deleted here")
    assert User.objects.filter(pk=staff.pk).exists()


@pytest.mark.parametrize("address", ["export", "wipe", "delete"])
def test_other_sites_cannot_ask_for_it(member: User, address: str) -> None:
    """Each is a form of ours with a token."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member)
    assert browser.post(f"/your-data/{address}/", CONFIRMED).status_code == 403
