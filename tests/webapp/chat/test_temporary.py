"""Temporary chats: in no list, and gone when they are closed or their page is not heard from any more."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks
from redis import Redis

from tests.conftest import RedisServer
from tests.webapp.chat.talking import end, send
from tests.webapp.privacy.traces import traces
from webapp.accounts.models import User
from webapp.chat import turn_log
from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services import temporary as ending
from webapp.chat.services.reconciler import reconcile
from webapp.chat.sidebar import sidebar_of
from webapp.chat.temporary_keys import KEPT_FOR
from webapp.moderation.models import Case, Flag, Review, Verdict
from webapp.moderation.services import cases

pytestmark = pytest.mark.django_db

SignIn = Callable[[User], Client]


def age(**by: float) -> None:
    """Nothing was said in them for so long, and their pages were silent."""
    at = timezone.now() - timedelta(**by)
    Conversation.objects.update(updated_at=at, seen_at=at)


def test_it_is_in_no_list(person: User) -> None:
    """A conversation that is there already stays what it is, whatever a later message says."""
    temporary = send(person, "secret", is_temporary=True)
    assert sidebar_of(person).groups == []
    end(temporary)
    kept = end(send(person, "open"))
    send(person, "more", after=kept, is_temporary=True)
    assert list(Conversation.objects.kept().values_list("pk", flat=True)) == [kept.conversation_id]


def test_closing_erases_all_of_it(person: User, sign_in: SignIn) -> None:
    """Messages, answers, and what the guard said of them; an answer that is still being written, too."""
    temporary = send(person, "secret", is_temporary=True)
    Verdict.objects.create(
        reply_id=temporary.reply_id,
        direction="input",
        action="allow",
        score=0.1,
        guard_id="g",
        policy_version="1",
        latency_ms=1,
    )
    client = sign_in(person)
    assert client.post(f"/c/{temporary.conversation_id}/close/").status_code == 204
    assert [model.objects.count() for model in (Conversation, Message, Reply, Verdict)] == [0, 0, 0, 0]
    assert client.get(f"/c/{temporary.conversation_id}/").status_code == 404


def test_only_a_temporary_chat_of_ones_own_is_closed(person: User, somebody_else: User, sign_in: SignIn) -> None:
    """Leaving a page must never delete what somebody keeps; and it is said more than once, so nothing is a mistake."""
    kept, theirs = send(person), send(somebody_else, is_temporary=True)
    for conversation_id in (kept.conversation_id, theirs.conversation_id, uuid4()):
        assert sign_in(person).post(f"/c/{conversation_id}/close/").status_code == 204
        assert Client().post(f"/c/{conversation_id}/close/").status_code == 204
    assert Conversation.objects.count() == 2


def test_a_page_that_has_not_heard_of_its_chat_yet_names_the_turn(
    person: User, somebody_else: User, sign_in: SignIn
) -> None:
    """It was left before the first acknowledgement came."""
    mine, kept, theirs = send(person, is_temporary=True), send(person), send(somebody_else, is_temporary=True)
    client = sign_in(person)
    for accepted in (mine, kept, theirs):
        assert client.post(f"/c/{accepted.turn_id}/close/").status_code == 204
    assert {row.pk for row in Conversation.objects.all()} == {kept.conversation_id, theirs.conversation_id}


def test_a_page_elsewhere_cannot_close_it(person: User) -> None:
    """A beacon is a request like any other: it names the token."""
    temporary = send(person, is_temporary=True)
    client = Client(enforce_csrf_checks=True)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(f"/c/{temporary.conversation_id}/close/").status_code == 403
    assert Conversation.objects.count() == 1


def test_what_nobody_closed_is_erased_in_time(person: User) -> None:
    """However the page went away; an answer being written is waited for."""
    temporary = send(person, is_temporary=True)
    age(seconds=KEPT_FOR.total_seconds() + 1)
    reconcile()
    assert Conversation.objects.count() == 1
    end(temporary)
    age(seconds=KEPT_FOR.total_seconds() - 5)
    reconcile()
    assert Conversation.objects.count() == 1
    age(seconds=KEPT_FOR.total_seconds() + 1)
    reconcile()
    assert Conversation.objects.count() == 0


def test_many_are_erased_in_time_a_few_at_once(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest silent first, so that no pass takes long."""
    monkeypatch.setattr(ending, "BATCH", 2)
    said = [end(send(person, is_temporary=True)) for _ in range(3)]
    for minutes, accepted in enumerate(said):
        age(minutes=60)
        at = timezone.now() - timedelta(minutes=60 + minutes)
        Conversation.objects.filter(pk=accepted.conversation_id).update(seen_at=at)
    reconcile()
    assert Conversation.objects.count() == 1
    reconcile()
    assert not Conversation.objects.exists()


def test_a_page_that_says_that_it_is_open_keeps_its_chat(person: User, sign_in: SignIn) -> None:
    """Somebody reads for an hour. Once it is erased, the page is told."""
    temporary = end(send(person, is_temporary=True))
    client, address = sign_in(person), f"/c/{temporary.conversation_id}/seen/"
    age(seconds=KEPT_FOR.total_seconds() + 1)
    assert client.post(address).status_code == 204
    reconcile()
    assert Conversation.objects.count() == 1
    age(seconds=KEPT_FOR.total_seconds() + 1)
    reconcile()
    assert client.post(address).status_code == 404


def test_all_that_was_noted_about_it_goes_too(
    person: User, redis: RedisServer, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """A case that a guard opened about an answer that was shown, what was decided, and the log in Redis. What the
    account is left with is a suspension, and the record of the staff, which holds no words."""
    temporary = end(send(person, "a secret", is_temporary=True), "done", finished_at=timezone.now())
    case = cases.flag(temporary.reply_id, "guard_output", category="hate", score=0.95)
    Review.objects.create(case=case, outcome="agreed", reason="a fourth secret", note="a fifth secret")
    with Redis.from_url(redis.url) as logs:
        logs.xadd(turn_log.key(temporary.reply_id), {"e": "a sixth secret"})
        # A worker that had lost its turn wrote late, and a log that is written is kept for an hour.
        Reply.objects.update(finished_at=timezone.now() - timedelta(minutes=59))
        age(seconds=KEPT_FOR.total_seconds() + 1)
        with django_capture_on_commit_callbacks(execute=True):
            reconcile()
        assert not logs.exists(turn_log.key(temporary.reply_id))
    assert [model.objects.count() for model in (Conversation, Case, Flag, Review)] == [0, 0, 0, 0]
    assert traces("secret") == set()


def test_the_page_and_the_page_about_data_tell_how_long(person: User, sign_in: SignIn) -> None:
    minutes = f"has not heard from it for {KEPT_FOR.total_seconds() // 60:.0f} minutes"
    client = sign_in(person)
    assert minutes in client.get("/").content.decode()
    end(send(person))
    assert minutes.replace("heard from it", "been heard from") in client.get("/your-data/").content.decode()


def test_what_is_kept_is_kept(person: User) -> None:
    end(send(person))
    age(days=400)
    reconcile()
    assert Conversation.objects.count() == 1


def test_its_page_says_so(person: User, sign_in: SignIn) -> None:
    temporary, kept = send(person, is_temporary=True), send(person)
    client = sign_in(person)
    assert "data-temporary" in client.get(f"/c/{temporary.conversation_id}/").content.decode()
    assert "data-temporary" not in client.get(f"/c/{kept.conversation_id}/").content.decode()


def test_a_browser_keeps_nothing_of_it(person: User, sign_in: SignIn) -> None:
    """Neither the page nor what it fetches later."""
    temporary, kept = send(person, is_temporary=True), send(person)
    client = sign_in(person)
    for part in ("", "turns/", "queue/"):
        assert client.get(f"/c/{temporary.conversation_id}/{part}")["Cache-Control"] == "private, no-store", part
        assert "no-store" not in client.get(f"/c/{kept.conversation_id}/{part}")["Cache-Control"], part
