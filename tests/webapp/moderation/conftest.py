"""A conversation with something private in it, and the people who may or may not look."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from tests.webapp.moderation.making import make_case, make_moderator
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Message, Reply
from webapp.library.models import Document, Passage
from webapp.moderation.models import Case, Verdict

PRIVATE = "my-secret-diagnosis"
BrowserOf = Callable[[str], Client]
WITHHELD_NOTICE = "<p>withheld-notice</p>"


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("ada", email="ada@example.com")


@pytest.fixture
def moderator(db: None) -> User:
    return make_moderator()


@pytest.fixture
def case(owner: User) -> Case:
    return make_case(owner)


@pytest.fixture
def conversation(owner: User) -> Conversation:
    return make_conversation(owner)


def make_conversation(owner: User) -> Conversation:
    """Two turns, one answered and one withheld, and a document; every place for text holds something private."""
    conversation = Conversation.objects.create(owner=owner, title=f"About {PRIVATE}")
    answered = make_turn(conversation, Reply.State.DONE, blocks=[f"<p>On <strong>{PRIVATE}</strong></p>"])
    withheld = make_turn(conversation, Reply.State.BLOCKED, blocks=[WITHHELD_NOTICE], parent=answered)
    make_document(owner)
    make_verdict(answered, "allow")
    make_verdict(withheld, "block", violated=["hate"])
    return conversation


def make_document(owner: User | None) -> Document:
    document = Document.objects.create(
        owner=owner, title=f"On {PRIVATE}", text=PRIVATE, sha256="0" * 64, state=Document.State.READY
    )
    Passage.objects.create(
        document=document,
        ord=0,
        char_start=0,
        char_end=len(PRIVATE),
        heading=PRIVATE,
        text=PRIVATE,
        text_sha="0" * 64,
        model_id="all-MiniLM-L6-v2",
        vector=bytes(4),
    )
    return document


def make_turn(
    conversation: Conversation, state: Reply.State, *, blocks: list[str], parent: Reply | None = None
) -> Reply:
    message = Message.objects.create(
        id=uuid4(), conversation=conversation, parent=parent, text=f"Tell me about <em>{PRIVATE}</em>"
    )
    return Reply.objects.create(
        conversation=conversation,
        message=message,
        state=state,
        text=PRIVATE,
        blocks=blocks,
        tail=f"<p>{PRIVATE}</p>" if state == Reply.State.DONE else "",
        passages=[{"text": PRIVATE}],
        citations=[{"number": 1, "title": f"Page on {PRIVATE}", "url": "/library/x/", "excerpt": PRIVATE}],
        usage={"prompt_tokens": 10, "cached_tokens": 0, "reply_tokens": 5},
        timings={"first_text": 300.0, "finished": 1250.0},
        deadline=timezone.now() + timedelta(minutes=5),
        seed=1,
        model_id="smollm2-135m",
    )


def make_verdict(reply: Reply, action: str, *, violated: list[str] | None = None) -> Verdict:
    return Verdict.objects.create(
        reply=reply,
        direction="output",
        action=action,
        score=0.9 if violated else 0.1,
        categories={"hate": 0.9, "privacy": 0.1},
        violated=violated or [],
        guard_id="embedded-1",
        policy_version="1",
        latency_ms=12.5,
        char_end=40,
    )


@pytest.fixture
def browser_of(db: None) -> BrowserOf:
    """A browser in which somebody of this role is logged in."""

    def log_in(role: str) -> Client:
        browser = Client()
        if role == "nobody":
            return browser
        user = User.objects.create_user(f"the-{role}", is_staff=role != "member", is_superuser=role == "superuser")
        if role not in ("member", "superuser"):
            user.groups.add(Group.objects.get(name=role))
        browser.force_login(user)
        return browser

    return log_in
