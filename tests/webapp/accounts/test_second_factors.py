"""Second factors: what they ask for, at every door, and how their secrets are kept."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.http import HttpResponseBase
from django.test import Client
from pytest_django import Settings
from pytest_django.asserts import assertContains, assertRedirects

from tests.webapp.accounts.conftest import PASSWORD
from webapp.accounts.models import User
from webapp.accounts.second_factors import SealingAdapter

pytestmark = pytest.mark.django_db

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_of(secret: str = SECRET) -> str:
    _earlier, now, _later = yield_hotp_counters_from_time()
    return format_hotp_value(hotp_value(secret, now))


def log_in(browser: Client, person: User, door: str = "/accounts/login/") -> HttpResponseBase:
    name = "username" if "admin" in door else "login"
    return browser.post(door, {name: person.email, "password": PASSWORD})


@pytest.fixture
def protected(member: User) -> User:
    TOTP.activate(member, SECRET)
    RecoveryCodes.activate(member)
    return member


def test_the_password_alone_does_not_let_anybody_in(client: Client, protected: User) -> None:
    """The page that asks for the code comes after it, and only the code opens."""
    assertRedirects(log_in(client, protected), "/accounts/2fa/authenticate/")
    assert "_auth_user_id" not in client.session
    assertContains(client.post("/accounts/2fa/authenticate/", {"code": "000000"}), "Incorrect code")
    assert client.post("/accounts/2fa/authenticate/", {"code": code_of()}).status_code == 302
    assert client.session["_auth_user_id"] == str(protected.pk)


def test_a_recovery_code_lets_in_once(client: Client, protected: User) -> None:
    """For the day the phone is lost."""
    codes = Authenticator.objects.get(user=protected, type="recovery_codes").wrap()
    assert isinstance(codes, RecoveryCodes)
    code = codes.get_unused_codes()[0]
    for browser, is_in in ((client, True), (Client(), False)):
        log_in(browser, protected)
        browser.post("/accounts/2fa/authenticate/", {"code": code})
        assert ("_auth_user_id" in browser.session) is is_in


def test_a_code_of_the_app_is_good_once(client: Client, protected: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it is valid, which is longer than one period: somebody may have read it over a shoulder."""
    began = time.time() // 30 * 30
    monkeypatch.setattr(time, "time", lambda: began)
    code = format_hotp_value(hotp_value(SECRET, int(began) // 30 + 1))  # of a clock that is fast
    log_in(client, protected)
    client.post("/accounts/2fa/authenticate/", {"code": code})
    assert "_auth_user_id" in client.session
    for later_s in (0, 31, 61, 89):
        monkeypatch.setattr(time, "time", lambda later_s=later_s: began + later_s)
        thief = Client()
        log_in(thief, protected)
        assertContains(thief.post("/accounts/2fa/authenticate/", {"code": f"{code[:3]} {code[3:]}"}), "Incorrect code")
        assert "_auth_user_id" not in thief.session


def test_codes_cannot_be_guessed(client: Client, protected: User) -> None:
    """After five wrong ones not even the right one opens, in whatever browser, until some minutes have passed."""
    log_in(client, protected)
    for _ in range(5):
        assertContains(client.post("/accounts/2fa/authenticate/", {"code": "000000"}), "Incorrect code")
    elsewhere = Client()
    log_in(elsewhere, protected)
    for browser in (client, elsewhere):
        assertContains(browser.post("/accounts/2fa/authenticate/", {"code": code_of()}), "Too many failed")
        assert "_auth_user_id" not in browser.session


@pytest.mark.parametrize("factor", ["totp", "webauthn"])
def test_the_administrations_door_asks_too(client: Client, member: User, factor: str) -> None:
    """There is no way around the second factor."""
    User.objects.filter(pk=member.pk).update(is_staff=True, is_superuser=True)
    if factor == "totp":
        TOTP.activate(member, SECRET)
    else:
        Authenticator.objects.create(user=member, type="webauthn", data={"name": "key", "credential": {}})
    response = client.post("/admin/login/?next=/admin/accounts/user/", {"username": "ada", "password": PASSWORD})
    assert response.headers["Location"] == "/accounts/2fa/authenticate/"
    assert "_auth_user_id" not in client.session
    assert client.get("/admin/").status_code == 302
    if factor == "totp":
        done = client.post("/accounts/2fa/authenticate/", {"code": code_of()})
        assertRedirects(done, "/admin/accounts/user/")


def test_the_administrations_door_sends_nobody_elsewhere(client: Client, protected: User) -> None:
    """A link with another site behind it leads to the administration all the same."""
    User.objects.filter(pk=protected.pk).update(is_staff=True, is_superuser=True)
    client.post("/admin/login/?next=https://evil.example/", {"username": "ada", "password": PASSWORD})
    assertRedirects(client.post("/accounts/2fa/authenticate/", {"code": code_of()}), "/admin/")


def test_secrets_are_not_readable_in_the_database(protected: User) -> None:
    """Whoever has a copy of the database can make no codes from it."""
    stored = str([row.data for row in Authenticator.objects.all()])
    assert SECRET not in stored
    assert Authenticator.objects.get(type="totp").wrap().validate_code(code_of())


def test_a_secret_that_cannot_be_opened_opens_nothing(protected: User, settings: Settings) -> None:
    """An empty secret would be one whose codes anybody can work out."""
    settings.SECRET_KEY = "another-" + "y" * 50
    opened = SealingAdapter().decrypt(Authenticator.objects.get(type="totp").data["secret"])
    assert len(opened) == 32
    assert opened != SealingAdapter().decrypt(Authenticator.objects.get(type="totp").data["secret"])


def test_an_app_is_set_up_after_proving_who_one_is(client: Client, member: User) -> None:
    """Somebody at an open laptop cannot lock its owner out."""
    client.force_login(member)
    assert "/reauthenticate/" in client.get("/accounts/2fa/totp/activate/").headers["Location"]
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    assertContains(page, secret)
    done = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)}, follow=True)
    assertContains(done, "Recovery codes")
    assert set(Authenticator.objects.values_list("type", flat=True)) == {"totp", "recovery_codes"}


@pytest.mark.parametrize(
    "page", ["", "webauthn/", "webauthn/add/", "recovery-codes/", "recovery-codes/generate/", "totp/deactivate/"]
)
def test_its_pages_open(client: Client, protected: User, page: str) -> None:
    """In the frame of the settings."""
    client.force_login(protected)
    client.post("/accounts/2fa/reauthenticate/", {"code": code_of()})
    assertContains(client.get(f"/accounts/2fa/{page}"), "settings-nav")
