"""Guests: who is behind a browser before anybody has signed up, and what becomes of them."""

from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.webapp.accounts.conftest import ChatOf
from webapp.accounts.middleware import PersonMiddleware, PersonRequest, PersonScopeMiddleware
from webapp.accounts.models import User
from webapp.accounts.services.guests import SESSION_KEY, absorb_guest, ensure_guest, person_behind
from webapp.chat.models import Conversation, Folder, Message, Reply
from webapp.library.models import Document
from webapp.moderation.services import suspensions
from webapp.personal.models import Memory, Preferences
from webapp.sharing.models import ShareLink

pytestmark = pytest.mark.django_db


def test_a_browser_becomes_a_guest_on_request() -> None:
    """A person is somebody before the first message is sent, so the message has an owner."""
    browser = Client()
    assert browser.post("/guest/").status_code == 204
    guest = User.objects.get(pk=browser.session[SESSION_KEY])
    assert guest.is_guest
    assert not guest.has_usable_password()
    assert guest.display_name == "Guest"


def test_asking_again_makes_nobody_new() -> None:
    """A browser has one guest, however often its pages ask."""
    browser = Client()
    for _ in range(3):
        assert browser.post("/guest/").status_code == 204
    assert User.objects.count() == 1


def test_a_guest_is_made_by_our_own_pages_only() -> None:
    """Without the token of a form of ours another site could make guests in people's browsers."""
    browser = Client(enforce_csrf_checks=True)
    assert browser.post("/guest/").status_code == 403
    assert browser.get("/guest/").status_code == 405
    assert not User.objects.exists()


def test_a_member_needs_no_guest(client: Client, member: User) -> None:
    """Two people behind one browser would be one too many."""
    client.force_login(member)
    assert client.post("/guest/").status_code == 204
    assert SESSION_KEY not in client.session
    assert User.objects.count() == 1


def test_becoming_a_guest_changes_the_session_key() -> None:
    """Whoever planted the old session in this browser must not read along."""
    session = SessionStore()
    session["language"] = "en"
    session.save()
    planted = str(session.session_key)
    ensure_guest(session)
    assert session.session_key != planted
    assert session["language"] == "en"
    assert not SessionStore().exists(planted)


def test_a_session_whose_guest_is_gone_has_nobody_behind_it(guest: User, client: Client) -> None:
    """A deleted or deactivated guest is not brought back by a cookie."""
    session = client.session
    assert person_behind(session, AnonymousUser()) == guest
    guest.is_active = False
    guest.save()
    assert person_behind(session, AnonymousUser()) is None
    guest.delete()
    assert person_behind(session, AnonymousUser()) is None


def test_somebody_who_has_signed_up_is_no_guest_for_an_old_session(guest: User, client: Client) -> None:
    """An old session must not open an account without its password."""
    guest.is_guest = False
    guest.save()
    assert person_behind(client.session, AnonymousUser()) is None


@pytest.mark.parametrize("num_chats", [0, 1, 40])
def test_absorbing_moves_every_chat_and_deletes_the_guest(
    guest: User, member: User, chat_of: ChatOf, num_chats: int
) -> None:
    """The member ends with their own chats and the guest's; the turns inside are the same rows."""
    own = chat_of(member)
    moved = [chat_of(guest) for _ in range(num_chats)]
    turns = Message.objects.count(), Reply.objects.count()
    absorb_guest(guest, into=member)
    assert set(Conversation.objects.of(member)) == {own, *moved}
    assert (Message.objects.count(), Reply.objects.count()) == turns
    assert not User.objects.filter(pk=guest.pk).exists()


def test_absorbing_moves_documents_too(guest: User, member: User) -> None:
    """Everything that points at the guest moves, whichever part of the site made it."""
    document = Document.objects.create(owner=guest, title="Notes", sha256="0" * 64)
    absorb_guest(guest, into=member)
    assert list(member.documents.all()) == [document]


def test_absorbing_makes_one_folder_of_two_with_one_name(guest: User, member: User, chat_of: ChatOf) -> None:
    """The member's, with the chats of both."""
    for owner, name in ((guest, "Wolle"), (guest, "Ärger"), (member, "ärger")):
        Conversation.objects.filter(pk=chat_of(owner).pk).update(folder=Folder.objects.create(owner=owner, name=name))
    absorb_guest(guest, into=member)
    assert sorted(member.folders.values_list("name", flat=True)) == ["Wolle", "ärger"]
    assert member.folders.get(name="ärger").conversations.count() == 2


def test_absorbing_moves_what_is_personal(guest: User, member: User, chat_of: ChatOf) -> None:
    """Preferences, memories, folders and links come along; where both have preferences the member's own count."""
    Preferences.objects.create(person=guest, about_me="As a guest")
    Memory.objects.create(owner=guest, text="Likes wool")
    Folder.objects.create(owner=guest, name="Wool")
    ShareLink.objects.create(token="t", owner=guest, conversation=chat_of(guest), title="Wool")
    absorb_guest(guest, into=member)
    assert member.preferences.about_me == "As a guest"
    assert (member.memories.count(), member.folders.count(), member.share_links.count()) == (1, 1, 1)
    later = User.objects.create(username="guest-2", is_guest=True)
    Preferences.objects.create(person=later, about_me="Another browser")
    absorb_guest(later, into=member)
    assert Preferences.objects.get().about_me == "As a guest"


def test_absorbing_leaves_a_running_answer_to_its_worker(guest: User, member: User, chat_of: ChatOf) -> None:
    """A login in the middle of an answer must not stop it: the worker's epoch and lease stay as they are."""
    reply = chat_of(guest).replies.get()
    Reply.objects.filter(pk=reply.pk).update(
        state=Reply.State.RUNNING, epoch=3, lease_until=timezone.now() + timedelta(seconds=5)
    )
    absorb_guest(guest, into=member)
    assert Reply.objects.owned(reply.pk, 3).get().conversation.owner == member


@pytest.mark.parametrize("is_staff", [False, True])
def test_absorbing_moves_a_suspension(guest: User, member: User, is_staff: bool) -> None:
    """Logging in is no way out of it, except for staff, who are not suspended."""
    User.objects.filter(pk=member.pk).update(is_staff=is_staff)
    member.refresh_from_db()
    suspensions.suspend(guest, by=None, reason="Spam", until=timezone.now() + timedelta(days=3))
    absorb_guest(guest, into=member)
    member.refresh_from_db()
    assert member.suspensions.count() == 1
    assert member.is_suspended is not is_staff


def test_absorbing_twice_is_refused(guest: User, member: User) -> None:
    """Two logins at once are one move."""
    absorb_guest(guest, into=member)
    with pytest.raises(User.DoesNotExist):
        absorb_guest(guest, into=member)


def test_a_member_is_never_absorbed(member: User) -> None:
    """Only guests have nobody who would miss their account."""
    other = User.objects.create_user("grace")
    with pytest.raises(User.DoesNotExist):
        absorb_guest(member, into=other)
    assert User.objects.filter(pk=member.pk).exists()


def test_a_failed_move_moves_nothing(
    guest: User, member: User, chat_of: ChatOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of one's chats in each of two accounts would be worse than an error."""
    chat_of(guest)

    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(User, "delete", broken)
    with pytest.raises(RuntimeError):
        absorb_guest(guest, into=member)
    assert Conversation.objects.of(guest).count() == 1


def test_a_page_that_asks_for_nobody_costs_no_query(
    client: Client, guest: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Health checks and static answers must not touch the database."""
    with django_assert_num_queries(0):
        client.get("/healthz")


def test_there_is_at_most_one_person_behind_a_browser(guest: User, member: User, client: Client) -> None:
    """Logged in beats guest, guest beats nobody."""
    session = client.session
    assert person_behind(session, AnonymousUser()) == guest
    assert person_behind(session, member) == member
    assert person_behind(SessionStore(), AnonymousUser()) is None


def test_a_person_who_is_absent_is_none(rf: RequestFactory) -> None:
    """`is None` must work on a request's person, which rules out a lazy proxy."""
    seen: list[User | None] = []

    def page(request: HttpRequest) -> HttpResponse:
        seen.append(cast(PersonRequest, request).person)
        return HttpResponse()

    request = rf.get("/")
    request.session = SessionStore()
    request.user = AnonymousUser()
    PersonMiddleware(page)(request)
    assert seen == [None]


@pytest.mark.django_db(transaction=True)
async def test_a_socket_knows_its_person() -> None:
    """The consumer reads `scope["person"]` and never the database."""
    guest = await User.objects.acreate(username=f"guest-{uuid4().hex}", is_guest=True)
    with_guest = SessionStore()
    await with_guest.aset(SESSION_KEY, str(guest.pk))
    member = User(username="ada")

    assert await person_of_socket(with_guest, AnonymousUser()) == guest
    assert await person_of_socket(SessionStore(), AnonymousUser()) is None
    assert await person_of_socket(with_guest, member) == member


async def person_of_socket(session: SessionStore, user: User | AnonymousUser) -> User | None:
    seen: list[User | None] = []

    async def consumer(scope: dict[str, Any], _receive: object, _send: object) -> None:
        seen.append(scope["person"])

    socket = ApplicationCommunicator(
        PersonScopeMiddleware(consumer), {"type": "websocket", "session": session, "user": user}
    )
    await socket.wait()
    return seen[0]
