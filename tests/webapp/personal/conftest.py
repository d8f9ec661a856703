"""A browser of somebody who is logged in, and one of nobody yet."""

import pytest
from django.test import Client

from webapp.accounts.models import User


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages name the model; here nobody serves one, and nobody is asked."""
    monkeypatch.setattr("webapp.wiring.cards._cards", {})


@pytest.fixture
def browser(person: User) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser
