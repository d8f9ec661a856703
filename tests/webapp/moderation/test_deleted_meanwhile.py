"""A chat that is deleted while somebody reports or appeals: both end well, whichever comes first."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from tests.webapp.moderation.making import make_reply
from webapp.accounts.models import User
from webapp.chat.errors import NotFound
from webapp.chat.models import Conversation, Reply
from webapp.chat.services.erasing import erase
from webapp.moderation.models import Case, Flag
from webapp.moderation.services import appeals, reports

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

ACTS: dict[str, tuple[str, Callable[[User, Reply], Any]]] = {
    "report": ("done", lambda person, reply: reports.report(person, reply.pk, "wrong")),
    "report of a shared chat": ("done", lambda _person, reply: reports.report_shared(reply.pk, "wrong")),
    "appeal": ("blocked", lambda person, reply: appeals.appeal(person, reply_id=reply.pk)),
}


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("ada")


def in_a_thread(pool: ThreadPoolExecutor, act: Callable[[], Any]) -> Future[Any]:
    def run() -> Any:
        try:
            return act()
        finally:
            connection.close()

    return pool.submit(run)


def until_somebody_waits(other: Future[Any]) -> None:
    """On SQLite it waits for its turn to begin; PostgreSQL knows who waits for a row."""
    if connection.vendor != "postgresql":
        time.sleep(0.2)
        return
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not other.done():
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone() != (0,):
                return
        time.sleep(0.02)


@pytest.mark.parametrize("name", ACTS)
def test_what_is_said_of_a_chat_that_is_being_deleted_is_of_none(owner: User, name: str) -> None:
    """As if the chat had been absent before, and not an error."""
    state, act = ACTS[name]
    reply = make_reply(owner, state=state, text="Bread was invented by llamas." if state == "done" else "")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            erase(Conversation.objects.all())
            late = in_a_thread(pool, lambda: act(owner, reply))
            until_somebody_waits(late)
        with pytest.raises(NotFound):
            late.result()
    assert not Case.objects.exists()


@pytest.mark.parametrize("name", ACTS)
def test_a_chat_is_deleted_with_what_was_said_meanwhile(owner: User, name: str) -> None:
    """The deletion has looked already at what hangs on the chat."""
    state, act = ACTS[name]
    reply = make_reply(owner, state=state, text="Bread was invented by llamas." if state == "done" else "")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Reply.objects.select_for_update().get(pk=reply.pk)
            erased = in_a_thread(pool, lambda: erase(Conversation.objects.all()))
            until_somebody_waits(erased)
            act(owner, reply)
            assert Flag.objects.exists()
        assert erased.result() == 1
    assert not Conversation.objects.exists()
    assert not Case.objects.exists()


def test_somebody_whose_account_is_gone_says_nothing_more(owner: User) -> None:
    """A page in another tab still has them."""
    reply = make_reply(owner)
    User.objects.filter(pk=owner.pk).delete()
    for act in (
        lambda: reports.report(owner, reply.pk, "wrong"),
        lambda: appeals.appeal(owner, reply_id=reply.pk),
        lambda: appeals.appeal(owner, suspension_id=1),
    ):
        with pytest.raises(NotFound):
            act()
