"""Turns that the team writes, to try prompts on."""

import pytest
from django.test import Client

from tests.webapp.experiments.team import browser_for
from webapp.accounts.models import User
from webapp.experiments.models import (
    TestTurn,
)

pytestmark = pytest.mark.django_db(transaction=True)


TURNS = "/admin/experiments/testturn/"


def test_a_test_turn_is_written_as_one_text(tester: User) -> None:
    browser: Client = browser_for(tester)
    browser.post(f"{TURNS}add/", {"name": "Wool", "text": "Hello\n---\nHi!\nWhat is it?\n---\nWool"})
    turn = TestTurn.objects.get()
    assert turn.messages == [["user", "Hello"], ["assistant", "Hi!\nWhat is it?"], ["user", "Wool"]]
    assert turn.author == tester
    assert "Hi!\nWhat is it?\n---\nWool" in browser.get(f"{TURNS}{turn.pk}/change/").content.decode()
    for text in ("Hello\n---\nHi!", "Hello\n---\n\n---\nWool"):
        assert browser.post(f"{TURNS}add/", {"name": "Other", "text": text}).status_code == 200
    assert TestTurn.objects.count() == 1
