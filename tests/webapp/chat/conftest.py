"""Fixtures of the chat's tests."""

from collections.abc import Callable

import pytest
from django.test import Client

from webapp.accounts.models import User


@pytest.fixture
def sign_in(db: None, redis: object) -> Callable[[User], Client]:
    """A browser in which this person is logged in."""

    def sign_in(person: User) -> Client:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in
