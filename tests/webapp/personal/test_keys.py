"""Shortcuts have the keys that their owner wants: stored, shown on every page, and never such as would do harm."""

import re

import pytest
from django.test import Client

from webapp.accounts.models import User
from webapp.accounts.services.guests import SESSION_KEY
from webapp.personal.keys import SHORTCUTS, is_usable
from webapp.personal.models import Preferences

pytestmark = pytest.mark.django_db

KEYS = "/settings/keys/"
USUAL = {name: shortcut.keys for name, shortcut in SHORTCUTS.items()}


def listed(browser: Client) -> dict[str, str]:
    """As the scripts of a page find them."""
    page = browser.get("/about/").content.decode()
    return dict(re.findall(r'data-shortcut="(\w+)" data-keys="([^"]*)"', page))


def test_the_usual_keys_stand_on_every_page(client: Client) -> None:
    """They are those that other assistants have; looking makes nobody a guest."""
    assert listed(client) == USUAL
    assert len(set(USUAL.values())) == len(USUAL)
    assert all(map(is_usable, USUAL.values()))
    client.get(KEYS)
    assert not User.objects.exists()


def test_other_keys_are_kept_for_a_guest_too(client: Client) -> None:
    """Only what differs is stored, so that new usual keys reach everybody else."""
    client.post(KEYS, USUAL | {"search": "mod j", "copy_code": ""})
    guest = User.objects.get(pk=client.session[SESSION_KEY])
    assert guest.preferences.keys == {"search": "mod j", "copy_code": ""}
    assert listed(client) == USUAL | {"search": "mod j", "copy_code": ""}
    client.post(KEYS, {"usual": "1"})
    assert listed(client) == USUAL


def test_keys_can_be_exchanged(client: Client) -> None:
    """Each is free because the other lets go of it."""
    client.post(KEYS, USUAL | {"search": USUAL["list"], "list": USUAL["search"]})
    assert listed(client) == USUAL | {"search": USUAL["list"], "list": USUAL["search"]}


@pytest.mark.parametrize("keys", ["k", "shift k", "Esc", "Enter", "mod", "mod c", "mod w", "mod K", "<b>"])
def test_keys_that_would_do_harm_are_refused(client: Client, keys: str) -> None:
    """Letters that one writes, what copies and pastes, and what a browser keeps to itself."""
    answer = client.post(KEYS, USUAL | {"search": keys})
    assert answer.status_code == 422
    assert "These keys cannot be used" in answer.content.decode()
    assert not Preferences.objects.exists()


@pytest.mark.parametrize("keys", ["mod j", "alt x", "F2", "shift F2", "mod alt shift ]", "mod 1", "mod alt ↓"])
def test_these_will_do(keys: str) -> None:
    assert is_usable(keys)


def test_two_shortcuts_cannot_share_keys(client: Client) -> None:
    answer = client.post(KEYS, USUAL | {"search": USUAL["list"]})
    assert answer.status_code == 422
    assert "cannot have the same keys" in answer.content.decode()
