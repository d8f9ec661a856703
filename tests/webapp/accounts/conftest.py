"""A browser with a guest in it, and chats to lose."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from webapp.accounts.models import User
from webapp.accounts.services.guests import SESSION_KEY
from webapp.chat.models import Conversation, Message, Reply

PASSWORD = "correct-horse-battery"
ChatOf = Callable[[User], Conversation]
BrowserOf = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _nobody_has_failed_to_log_in() -> None:
    cache.clear()


@pytest.fixture
def guest(client: Client) -> User:
    """The guest of `client`, made the way a browser makes one."""
    client.post("/guest/")
    return User.objects.get(pk=client.session[SESSION_KEY])


@pytest.fixture
def member(db: None) -> User:
    return User.objects.create_user("ada", email="ada@example.com", password=PASSWORD)


@pytest.fixture
def chat_of() -> ChatOf:
    """Makes a conversation of one finished turn."""

    def make(owner: User) -> Conversation:
        conversation = Conversation.objects.create(owner=owner, title="A question")
        message = Message.objects.create(id=uuid4(), conversation=conversation, text="Why is the sky blue?")
        Reply.objects.create(
            conversation=conversation,
            message=message,
            state=Reply.State.DONE,
            deadline=timezone.now() + timedelta(minutes=5),
            seed=1,
        )
        return conversation

    return make
