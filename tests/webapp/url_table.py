"""Every address of the site, and one thing of each kind that an address can name."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from uuid import uuid4

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import NoReverseMatch, URLResolver, get_resolver, reverse
from django.utils import timezone
from django.views.generic import RedirectView

from tests.webapp.chat.drawing import draw
from tests.webapp.sharing import making
from webapp.accounts.models import User
from webapp.chat.models import Folder, QueuedMessage
from webapp.library.models import Document
from webapp.personal.models import Memory
from webapp.privacy.models import DataExport, ErasureReceipt
from webapp.sharing.models import ShareLink

# A number, an id and a name, of which there is no thing; the administration takes only names of apps there are.
NOTHING = ("0", "00000000-0000-0000-0000-000000000000", "nothing", "experiments")


@dataclass(frozen=True, slots=True)
class View:
    """One line of the URL table: its name with the namespace, what its address names, and what answers."""

    name: str
    names: tuple[str, ...]
    function: Callable[..., object]

    @property
    def is_admin(self) -> bool:
        return self.name.startswith("admin:")

    def address(self, things: Mapping[str, object]) -> str:
        """Its address for these things. Raises LookupError, which says what to add, where one is missing."""
        missing = [name for name in self.names if name not in things]
        if missing:
            raise LookupError(f"{self.name} names {missing}: add one to tests.webapp.url_table.one_of_each")
        return reverse(self.name, kwargs={name: things[name] for name in self.names})

    @property
    def address_of_nothing(self) -> str:
        """An address for things that are not there. Raises LookupError where it names another kind of thing."""
        for things in product(NOTHING, repeat=len(self.names)):
            with suppress(NoReverseMatch):
                return reverse(self.name, kwargs=dict(zip(self.names, things, strict=True)))
        raise LookupError(f"{self.name} names {self.names}: add one of its kind to tests.webapp.url_table.NOTHING")


def views() -> list[View]:
    return sorted(_below(get_resolver()), key=lambda view: view.name)


def _below(resolver: URLResolver, namespace: str = "", names: tuple[str, ...] = ()) -> Iterator[View]:
    for pattern in resolver.url_patterns:
        named = names + tuple(pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLResolver):
            yield from _below(pattern, f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace, named)
        elif pattern.name is not None:
            yield View(f"{namespace}{pattern.name}", named, pattern.callback)
        elif not _is_of_the_administration(pattern.callback):
            raise LookupError(f"the view at {pattern.pattern} has no name: give it one, so that it is tested")


def _is_of_the_administration(function: Callable[..., object]) -> bool:
    """Django's own lines without a name: old addresses that lead to new ones, and what is not there."""
    return getattr(function, "view_class", None) is RedirectView or function.__module__ == "django.contrib.admin.sites"


def one_of_each(owner: User) -> dict[str, object]:
    """What addresses can name, all of it this person's."""
    EmailAddress.objects.create(user=owner, email=owner.email, primary=True)
    conversation = making.tree(owner)
    reply = conversation.selected
    assert reply is not None
    conversation.folder = Folder.objects.create(owner=owner, name="Folder")
    conversation.save()
    QueuedMessage.objects.create(id=uuid4(), conversation=conversation, text="Later")
    document = Document.objects.create(owner=owner, title="Mine", text="Words.", sha256=uuid4().hex)
    reply.passages = [{"document_id": str(document.pk), "title": "Mine", "text": "Words.", "url": "/library/"}]
    reply.save(update_fields=["passages"])
    picture = draw(reply)
    link = ShareLink.objects.create(
        token=uuid4().hex,
        owner=owner,
        conversation=conversation,
        title="Shared",
        turns=[
            {
                "reply": str(reply.pk),
                "question": "Why?",
                "text": "So.",
                "blocks": ["<p>So.</p>"],
                "citations": [],
                "model": "m",
                "picture": {"id": str(picture.pk), "width": 64, "height": 48, "description": "A llama"},
            }
        ],
    )
    session = UserSession.objects.create(user=owner, ip="192.0.2.1", session_key=uuid4().hex[:32], user_agent="x")
    key = Authenticator.objects.create(
        user=owner, type=Authenticator.Type.WEBAUTHN, data={"name": "A key", "credential": {}}
    )
    return {
        "conversation_id": conversation.pk,
        "reply_id": reply.pk,
        "picture_id": picture.pk,
        "folder_id": conversation.folder_id,
        "document_id": document.pk,
        "memory_id": Memory.objects.create(owner=owner, text="A memory").pk,
        "link_id": link.pk,
        "token": link.token,
        "export_id": DataExport.objects.create(person=owner, expires_at=timezone.now() + timedelta(days=1)).pk,
        "receipt_id": ErasureReceipt.objects.create(kind="wipe").pk,
        "session_id": session.pk,
        "pk": key.pk,
        # Letters with an address in them, which belong to nobody.
        "key": "not-a-key",
        "uidb36": "1",
        "provider_id": "example",
    }


def browser_of(person: User, *, checks_csrf: bool = False) -> Client:
    """Somebody who has logged in with their password a moment ago."""
    client = Client(enforce_csrf_checks=checks_csrf)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": time.time()}]
    session.save()
    return client
