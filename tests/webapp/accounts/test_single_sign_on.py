"""Accounts elsewhere: who gets in, as whom, and what is refused. Against a real provider on this machine."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount, SocialToken
from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives.asymmetric import rsa
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pydantic import ValidationError
from pytest_django import Settings
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from tests.oidc_server import CLIENT_ID, OidcServer
from tests.webapp.accounts.conftest import PASSWORD, ChatOf
from webapp.accounts.models import User
from webapp.accounts.services import password_links
from webapp.accounts.services.guests import SESSION_KEY
from webapp.chat.models import Conversation
from webapp.privacy.services import contents, erasure
from webapp.settings.environment import Environment

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/oidc/example/login/"
CONNECTIONS = "/accounts/3rdparty/"


@pytest.fixture(scope="module")
def running() -> Iterator[OidcServer]:
    with OidcServer() as provider:
        yield provider


@pytest.fixture
def provider(running: OidcServer, settings: Settings) -> OidcServer:
    running.behave()
    given = running.setting
    settings.IDENTITY_PROVIDERS = {"example": given["name"]}
    app: dict[str, Any] = {"provider_id": "example", "name": given["name"], "client_id": given["client_id"]}
    app |= {"secret": given["client_secret"], "settings": {"issuer": given["issuer"]}}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    return running


def leave(browser: Client, **asked: str) -> str:
    """To the provider, which answers at once. Returns where it sends the person back to."""
    page = browser.post(LOGIN, asked)
    assert page.status_code == 200
    came_back = httpx.get(page.context["address"]).headers["Location"]
    return came_back.removeprefix("http://testserver")


def sign_in(browser: Client, **asked: str) -> HttpResponse:
    answer: HttpResponse = browser.get(leave(browser, **asked))  # type: ignore[assignment]
    return answer


def is_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


# Who gets in


def test_a_guest_becomes_a_member_in_the_same_row(
    client: Client, guest: User, chat_of: ChatOf, provider: OidcServer
) -> None:
    """Nothing has to move and no link breaks, as after a sign-up with a password."""
    conversation = chat_of(guest)
    assertRedirects(sign_in(client), "/", fetch_redirect_response=False)
    member = User.objects.get()
    assert (member.pk, member.is_guest, member.email, member.first_name) == (guest.pk, False, "ada@example.com", "Ada")
    assert not member.has_usable_password()
    assert not member.username.startswith("guest-")
    assert list(Conversation.objects.of(member)) == [conversation]
    assert client.session["_auth_user_id"] == str(guest.pk)
    assert SESSION_KEY not in client.session
    address = EmailAddress.objects.get()
    assert (address.email, address.verified, address.primary) == ("ada@example.com", True, True)


def test_somebody_known_logs_in_and_the_guest_comes_along(
    client: Client, chat_of: ChatOf, provider: OidcServer
) -> None:
    """Known by the subject alone: at the provider the address has changed meanwhile."""
    sign_in(client)
    member = User.objects.get()
    before = chat_of(member)
    client.post("/accounts/logout/")
    client.post("/guest/")
    during = chat_of(User.objects.get(pk=client.session[SESSION_KEY]))
    provider.claims["email"] = "lovelace@example.org"
    sign_in(client)
    assert User.objects.get() == member
    assert member.email == "ada@example.com"
    assert set(Conversation.objects.of(member)) == {before, during}
    assert client.session["_auth_user_id"] == str(member.pk)


def test_the_session_changes_is_listed_and_ends(client: Client, guest: User, provider: OidcServer) -> None:
    """A planted session is worth nothing; logging out forgets the person here."""
    before = client.session.session_key
    sign_in(client)
    assert client.session.session_key != before
    assertContains(client.get("/accounts/sessions/"), "This one", 1)
    assert UserSession.objects.get().user == guest
    client.post("/accounts/logout/")
    assert not is_in(client)


def test_a_suspended_guest_stays_suspended(client: Client, guest: User, provider: OidcServer) -> None:
    User.objects.filter(pk=guest.pk).update(suspended_until="2100-01-01T00:00Z", suspension_reason="Spam")
    sign_in(client)
    assert User.objects.get().is_suspended


def test_a_second_step_is_asked_for_all_the_same(client: Client, provider: OidcServer) -> None:
    sign_in(client)
    TOTP.activate(User.objects.get(), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    client.post("/accounts/logout/")
    assertRedirects(sign_in(client), "/accounts/2fa/authenticate/")
    assert not is_in(client)


def test_an_account_that_was_switched_off_stays_shut(client: Client, provider: OidcServer) -> None:
    sign_in(client)
    client.post("/accounts/logout/")
    User.objects.update(is_active=False)
    sign_in(client)
    assert not is_in(client)


def test_a_page_that_was_wanted_comes_after_the_login(client: Client, provider: OidcServer) -> None:
    """Of this site only."""
    assertRedirects(sign_in(client, next="/library/"), "/library/", fetch_redirect_response=False)
    client.post("/accounts/logout/")
    assertRedirects(sign_in(client, next="https://evil.example/"), "/", fetch_redirect_response=False)


@pytest.mark.parametrize("is_verified", [True, False, "false"])
def test_an_address_takes_no_account_over(
    client: Client, guest: User, member: User, provider: OidcServer, is_verified: bool | str
) -> None:
    """Verified or not: what a provider says of an address proves nothing about the account here."""
    provider.claims["email_verified"] = is_verified
    provider.claims["email"] = member.email.upper()
    answer = sign_in(client)
    assertContains(answer, "Log in to it as you always do", status_code=409)
    assert not is_in(client)
    assert not SocialAccount.objects.exists()
    guest.refresh_from_db()
    assert guest.is_guest
    assert client.session[SESSION_KEY] == str(guest.pk)


@pytest.mark.parametrize("said", [False, "false", None, "yes"])
def test_an_address_is_confirmed_only_if_the_provider_says_so(
    client: Client, provider: OidcServer, said: bool | str | None
) -> None:
    provider.claims["email_verified"] = said
    sign_in(client)
    assert not EmailAddress.objects.get().verified


def test_without_an_address_the_person_is_asked_for_one(client: Client, guest: User, provider: OidcServer) -> None:
    """Not for one that is somebody's."""
    User.objects.create_user("grace", email="grace@example.org")
    del provider.claims["email"]
    assertRedirects(sign_in(client), f"{CONNECTIONS}signup/")
    assertContains(client.get(f"{CONNECTIONS}signup/"), "Which email address")
    assertContains(client.post(f"{CONNECTIONS}signup/", {"email": "grace@example.org"}), "already exists")
    assert not is_in(client)
    client.post(f"{CONNECTIONS}signup/", {"email": "ada@example.net"})
    guest.refresh_from_db()
    assert (guest.is_guest, guest.email) == (False, "ada@example.net")
    assert client.session["_auth_user_id"] == str(guest.pk)


def test_an_address_may_stand_on_the_page_about_the_person(client: Client, provider: OidcServer) -> None:
    """Where the token holds none."""
    del provider.claims["email"]
    provider.userinfo = {"sub": "ada-1", "email": "ada@example.org", "email_verified": True}
    sign_in(client)
    assert User.objects.get().email == "ada@example.org"


# What is asked, and what is refused


def test_what_is_asked_of_the_provider(client: Client, provider: OidcServer) -> None:
    """A code, with PKCE and a nonce; a link adds nothing to it."""
    page = client.post(f"{LOGIN}?scope=admin&auth_params=prompt%3Dnone%26nonce%3Dmine")
    assertContains(page, 'http-equiv="refresh"')
    assert "no-store" in page["Cache-Control"]
    asked = dict(parse_qsl(urlsplit(page.context["address"]).query))
    assert set(asked.pop("scope").split()) == {"openid", "profile", "email"}
    assert asked.pop("redirect_uri") == f"http://testserver{LOGIN}callback/"
    assert all(len(asked.pop(name)) > 15 for name in ("state", "nonce", "code_challenge"))
    assert asked == {"client_id": CLIENT_ID, "response_type": "code", "code_challenge_method": "S256"}


def test_a_link_alone_asks_nothing(client: Client, provider: OidcServer) -> None:
    """Another site could follow it in somebody's name."""
    assertContains(client.get(LOGIN), "Continue")
    assert provider.asked == []
    assert client.get("/accounts/oidc/other/login/").status_code == 404
    assert client.get("/accounts/oidc/other/login/callback/?code=1&state=2").status_code == 404


OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"token": {"nonce": "another"}}, "nonce"),
        ({"token": {"nonce": None}}, "nonce"),
        ({"token": {"aud": "another"}}, "InvalidAudienceError"),
        ({"token": {"aud": [CLIENT_ID, "another"]}}, "authorized_party"),
        ({"token": {"azp": "another"}}, "authorized_party"),
        ({"token": {"iss": "https://evil.example"}}, "InvalidIssuerError"),
        ({"token": {"exp": 1}}, "ExpiredSignatureError"),
        ({"token": {"exp": None}}, "MissingRequiredClaimError"),
        ({"token": {"sub": None}}, "MissingRequiredClaimError"),
        ({"token": {"sub": "x" * 300}}, "subject"),
        ({"signs_with": OTHER_KEY}, "InvalidSignatureError"),
        ({"signs_with": None, "algorithm": "none"}, "InvalidAlgorithmError"),
        ({"signs_with": b"a-secret-that-everybody-can-read", "algorithm": "HS256"}, "InvalidAlgorithmError"),
        ({"header": {"kid": "2"}}, "unknown_key"),
        ({"config": {"issuer": "https://evil.example"}}, "issuer"),
        ({"config": {"jwks_uri": None}}, "endpoints"),
        ({"claims": {"sub": "ada-1"}, "userinfo": {"sub": "bob", "email": "bob@example.org"}}, "userinfo"),
        ({"refuses": "server_error"}, "no_answer_to_a_question"),
    ],
)
def test_what_does_not_hold_is_refused(
    client: Client,
    guest: User,
    provider: OidcServer,
    caplog: pytest.LogCaptureFixture,
    wrong: dict[str, Any],
    why: str,
) -> None:
    """With a page that says what to do, a line that says why, and nothing changed."""
    with caplog.at_level(logging.WARNING, logger="webapp.accounts.single_sign_on.adapter"):
        if "config" in wrong:
            provider.config = wrong["config"]
            answer: HttpResponse = client.post(LOGIN)  # type: ignore[assignment]
        else:
            for name, value in wrong.items():
                setattr(provider, name, value)
            answer = sign_in(client)
    assertContains(answer, "nobody was logged in", status_code=401)
    (line,) = [record for record in caplog.records if record.message == "sign_in_refused"]
    assert vars(line)["why"] == why
    assert not is_in(client)
    assert not SocialAccount.objects.exists()
    assert User.objects.get().is_guest


def test_an_answer_is_good_once_in_the_browser_that_asked(client: Client, guest: User, provider: OidcServer) -> None:
    """Another's answer would log somebody into a stranger's account, who reads along from then on."""
    answer = leave(client)
    assertContains(Client().get(answer), "nobody was logged in", status_code=401)
    assertContains(client.get(answer.replace("state=", "state=x")), "nobody was logged in", status_code=401)
    client.get(answer)
    assert is_in(client)
    client.post("/accounts/logout/")
    client.get(answer)
    assert not is_in(client)


def test_a_code_of_another_sign_in_is_refused(client: Client, provider: OidcServer) -> None:
    """The verifier of this one does not fit it."""
    stolen = dict(parse_qsl(urlsplit(leave(Client())).query))["code"]
    own = urlsplit(leave(client))
    state = dict(parse_qsl(own.query))["state"]
    answer = client.get(own.path, {"code": stolen, "state": state})
    assertContains(answer, "nobody was logged in", status_code=401)


def test_who_turns_back_is_told_that_nothing_happened(client: Client, guest: User, provider: OidcServer) -> None:
    provider.refuses = "access_denied"
    assertContains(client.get(sign_in(client)["Location"]), "Nothing has changed here")
    assert client.session[SESSION_KEY] == str(guest.pk)


def test_a_provider_that_is_away_is_a_page_too(client: Client, provider: OidcServer, settings: Settings) -> None:
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["settings"]["issuer"] = "http://127.0.0.1:9"
    assertContains(client.post(LOGIN), "nobody was logged in", status_code=401)


# Connected accounts


@pytest.fixture
def browser(client: Client, member: User) -> Client:
    """Of somebody with a password, who has just shown it."""
    client.post("/accounts/login/", {"login": member.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def test_an_account_is_connected_and_disconnected(browser: Client, member: User, provider: OidcServer) -> None:
    """From inside, so the address does not matter."""
    assertContains(browser.get("/settings/general/"), "Connected accounts")
    assertRedirects(sign_in(browser, process="connect"), CONNECTIONS)
    assertContains(browser.get(CONNECTIONS), "ada@example.com")
    account = SocialAccount.objects.get()
    assert (account.user, account.uid, account.extra_data) == (member, "ada-1", {"email": "ada@example.com"})
    assert not SocialToken.objects.exists()
    elsewhere = Client()
    sign_in(elsewhere)
    assert elsewhere.session["_auth_user_id"] == str(member.pk)
    browser.post(CONNECTIONS, {"account": account.pk})
    assert not SocialAccount.objects.exists()


def test_connecting_from_an_open_laptop_asks_for_the_password(
    client: Client, member: User, provider: OidcServer
) -> None:
    """Or whoever sits down there has a key of their own from then on."""
    client.post("/accounts/login/", {"login": member.email, "password": PASSWORD})
    assertRedirects(sign_in(client, process="connect"), "/accounts/reauthenticate/")
    assert not SocialAccount.objects.exists()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert SocialAccount.objects.get().user == member


def test_anothers_account_elsewhere_is_not_taken(browser: Client, provider: OidcServer) -> None:
    sign_in(Client())  # the same address, but no: refused
    provider.claims |= {"sub": "grace-1", "email": "grace@example.org"}
    sign_in(Client())
    owner = SocialAccount.objects.get().user
    assertContains(browser.get(sign_in(browser, process="connect")["Location"]), "different account")
    assert SocialAccount.objects.get().user == owner


def test_nothing_is_connected_to_an_account_that_may_be_somebody_elses(
    browser: Client, member: User, provider: OidcServer, settings: Settings
) -> None:
    """Where letters can be sent, whoever made it shows first that its address is theirs."""
    settings.SENDS_MAIL = True
    address = EmailAddress.objects.create(user=member, email=member.email, primary=True)
    assertContains(browser.get(sign_in(browser, process="connect")["Location"]), "no verified email address")
    assert not SocialAccount.objects.exists()
    address.set_verified()
    sign_in(browser, process="connect")
    assert SocialAccount.objects.get().user == member


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_whoever_made_the_account_before_its_owner_came_is_out(
    client: Client, provider: OidcServer, rf: RequestFactory, is_confirmed: bool
) -> None:
    """With the owner's new password. What was there of their own stays."""
    provider.claims["email_verified"] = is_confirmed
    sign_in(client)
    person, owner = User.objects.get(), Client()
    form = owner.get(password_links.make_link(rf.get("/"), person, by=person, reason="Asked"))["Location"]
    owner.post(form, {"password1": PASSWORD, "password2": PASSWORD})
    person.refresh_from_db()
    assert person.check_password(PASSWORD)
    client.get("/")
    assert not is_in(client)
    assert SocialAccount.objects.exists() == is_confirmed


def test_the_only_way_in_is_kept(client: Client, provider: OidcServer) -> None:
    """Until there is a password."""
    sign_in(client)
    account = SocialAccount.objects.get()
    assertContains(client.post(CONNECTIONS, {"account": account.pk}), "no password")
    client.post("/accounts/password/set/", {"password1": PASSWORD, "password2": PASSWORD})
    client.post("/accounts/login/", {"login": "ada@example.com", "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post(CONNECTIONS, {"account": account.pk})
    assert not SocialAccount.objects.exists()


def test_nobody_disconnects_what_is_not_theirs(browser: Client, provider: OidcServer) -> None:
    other = User.objects.create_user("grace", email="grace@example.org", password=PASSWORD)
    theirs = SocialAccount.objects.create(user=other, provider="example", uid="grace-1")
    browser.post(CONNECTIONS, {"account": theirs.pk})
    assert SocialAccount.objects.filter(pk=theirs.pk).exists()


def test_a_provider_that_is_no_longer_offered_can_be_left(browser: Client, member: User, provider: OidcServer) -> None:
    account = SocialAccount.objects.create(user=member, provider="earlier", uid="ada-1")
    assertContains(browser.get(CONNECTIONS), "earlier")
    browser.post(CONNECTIONS, {"account": account.pk})
    assert not SocialAccount.objects.exists()


def test_what_is_kept_is_shown_taken_along_and_erased(client: Client, provider: OidcServer, settings: Settings) -> None:
    """Also after the operator has switched it off."""
    sign_in(client)
    member = User.objects.get()
    settings.IDENTITY_PROVIDERS, settings.SOCIALACCOUNT_PROVIDERS = {}, {}
    (exported,) = contents.of(member)["account"]["accounts_elsewhere"]
    assert (exported["provider"], exported["uid"]) == ("example", "ada-1")
    assertContains(client.get("/your-data/"), "Accounts elsewhere")
    erasure.erase_account(member)
    assert not SocialAccount.objects.exists()


# Off, and on


def test_without_a_provider_no_page_speaks_of_it(browser: Client) -> None:
    for page in ("/accounts/login/", "/accounts/signup/"):
        assertNotContains(Client().get(page), "oidc")
    assertNotContains(browser.get("/settings/general/"), "Connected accounts")


READ = """
import json, sys
from webapp import settings
loaded = [name for name in ("requests", "jwt", "allauth") if name in sys.modules]
print(json.dumps([settings.SOCIALACCOUNT_PROVIDERS, settings.INSTALLED_APPS[-1], loaded]))
"""


def test_the_setting_switches_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """As two processes have it that start with and without."""
    given = {"name": "Work", "issuer": "https://id.example.org/", "client_id": "cria", "client_secret": "shh"}
    found = []
    for setting in ("", json.dumps({"work": given})):
        monkeypatch.setenv("CRIA_OIDC", setting)
        read = subprocess.run([sys.executable, "-c", READ], check=True, capture_output=True, text=True)
        found.append(json.loads(read.stdout))
    app: dict[str, Any] = {"provider_id": "work", "name": "Work", "client_id": "cria", "secret": "shh"}
    app["settings"] = {"issuer": "https://id.example.org/"}
    assert found == [
        [{"openid_connect": {"APPS": []}}, "webapp.privacy", []],
        [{"openid_connect": {"APPS": [app]}}, "webapp.accounts.single_sign_on", []],
    ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{", "must be one JSON object"),
        ('{"work": {}}', "Field required"),
        ('{"the work": {"name": "W", "issuer": "https://i", "client_id": "c", "client_secret": "s"}}', "small letters"),
        ('{"work": {"name": "W", "issuer": "http://i", "client_id": "c", "client_secret": "s"}}', "https://"),
        ('{"work": {"name": "W", "issuer": "https://i", "client_id": "c", "client_secret": ""}}', "at least 1"),
        ('{"work": {"name": "", "issuer": "https://i", "client_id": "c", "client_secret": "s"}}', "at least 1"),
    ],
)
def test_what_cannot_be_meant_stops_the_start(value: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Environment(SECRET_KEY="x" * 50, CRIA_OIDC=value)
