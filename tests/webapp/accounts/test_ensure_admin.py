"""The first administrator of a fresh machine."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponseBase
from django.test import Client
from pytest_django import Settings
from pytest_django.asserts import assertContains

from webapp.accounts.models import User

pytestmark = pytest.mark.django_db

OWN_PASSWORD = "correct-horse-battery"


@pytest.fixture
def one_time_password(capsys: pytest.CaptureFixture[str]) -> str:
    call_command("ensure_admin")
    printed = capsys.readouterr().out
    assert "/admin/" in printed
    match = re.search(r"^Administrator: admin / (\S+)$", printed, re.MULTILINE)
    assert match
    return match[1]


@pytest.fixture
def admin(client: Client, one_time_password: str) -> Client:
    """A browser in which the administrator has just logged in for the first time."""
    client.post("/admin/login/", {"username": "admin", "password": one_time_password})
    return client


def change_password(browser: Client, old: str, new: str) -> HttpResponseBase:
    return browser.post("/admin/password_change/", {"old_password": old, "new_password1": new, "new_password2": new})


def test_the_password_is_printed_once(one_time_password: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A second start has nothing to say and changes nothing."""
    call_command("ensure_admin")
    assert capsys.readouterr().out == ""
    assert User.objects.get().check_password(one_time_password)
    assert len(one_time_password) >= 16


def test_nothing_is_made_where_somebody_administers_already(capsys: pytest.CaptureFixture[str]) -> None:
    """An operator's own administrator is enough."""
    User.objects.create_superuser("root", password=OWN_PASSWORD)
    call_command("ensure_admin")
    assert capsys.readouterr().out == ""
    assert User.objects.count() == 1


def test_a_taken_name_is_explained() -> None:
    """An ordinary person called "admin" is not made an administrator behind their back."""
    User.objects.create_user("admin")
    with pytest.raises(CommandError, match="createsuperuser"):
        call_command("ensure_admin")


def test_the_administration_stays_closed_until_the_password_is_changed(admin: Client) -> None:
    """A password that stood on a screen or in a log is good for one thing: choosing another."""
    for page in ("/admin/", "/admin/accounts/user/", "/admin/search/"):
        assert admin.get(page).headers["Location"] == "/admin/password_change/"
    assert admin.get("/admin/password_change/").status_code == 200


def test_an_own_password_opens_the_administration(admin: Client, one_time_password: str) -> None:
    """After the change the one-time password is worth nothing."""
    assert change_password(admin, one_time_password, OWN_PASSWORD).status_code == 302
    assert admin.get("/admin/").status_code == 200
    user = User.objects.get()
    assert not user.must_change_password
    assert not user.check_password(one_time_password)


def test_the_same_password_again_is_refused(admin: Client, one_time_password: str) -> None:
    """Changing it into itself would leave the printed one in use."""
    response = change_password(admin, one_time_password, one_time_password)
    assertContains(response, "Choose another password")
    assert User.objects.get().must_change_password


def test_a_stronger_hash_is_not_a_new_password(one_time_password: str, settings: Settings) -> None:
    """Django stores a password anew when its hash is out of date; the person has still not chosen one."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    user = User.objects.get()
    assert user.check_password(one_time_password)
    user.refresh_from_db()
    assert user.password.startswith("pbkdf2_")
    assert user.must_change_password


def test_guessing_the_password_is_stopped(client: Client, one_time_password: str) -> None:
    """The administration's door counts failures like every other door; then even the right password waits."""
    for _ in range(5):
        client.post("/admin/login/", {"username": "admin", "password": "wrong"})
    response = client.post("/admin/login/", {"username": "admin", "password": one_time_password})
    assert "Too many failed login attempts" in response.content.decode()
    assert "_auth_user_id" not in client.session
