"""Guests: people who have not signed up. A browser's session knows its guest by id."""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import ManyToOneRel

from webapp.accounts.models import User
from webapp.chat.services import organising
from webapp.experiments.services import exposures
from webapp.moderation.services import suspensions
from webapp.sharing.services import import_jobs

SESSION_KEY = "guest_id"


def person_behind(session: SessionBase, user: AbstractBaseUser | AnonymousUser) -> User | None:
    """Whoever uses this browser: the person logged in as `user`, else the guest of the session, else nobody."""
    if isinstance(user, User):
        return user
    return guest_of(session)


def guest_of(session: SessionBase) -> User | None:
    """The guest of this browser, as long as they are one: not signed up since, not deactivated, not absorbed."""
    guest_id = session.get(SESSION_KEY)
    if guest_id is None:
        return None
    return User.objects.filter(pk=guest_id, is_guest=True, is_active=True).first()


def ensure_guest(session: SessionBase) -> User:
    """The guest of this browser; a new one if it has none. A new guest also gets a new session key.

    Without the new key, somebody who planted a session in this browser would read along.
    """
    guest = guest_of(session)
    if guest is None:
        guest = User(username=f"guest-{uuid.uuid4().hex}", is_guest=True)
        guest.set_unusable_password()
        guest.save()
        session.cycle_key()
        session[SESSION_KEY] = str(guest.pk)
    return guest


def forget_guest(session: SessionBase) -> None:
    """The browser no longer knows its guest; the guest's row stays."""
    session.pop(SESSION_KEY, None)


@transaction.atomic
def absorb_guest(guest: User, *, into: User) -> None:
    """Give all that belongs to `guest` to the member `into`, and delete the guest.

    Whatever points at the guest moves, whichever model declares it: a new kind of thing that people own must not be
    lost because nobody thought of this function. Raises User.DoesNotExist if the guest has been absorbed already.
    """
    # With the row locked, a message that arrives now waits and then finds no guest; it cannot slip in and be deleted.
    guest = User.objects.select_for_update().get(pk=guest.pk, is_guest=True)
    exposures.absorb(guest, into=into)
    import_jobs.join(guest, into=into)
    organising.join(guest, into=into)
    for relation in User._meta.related_objects:
        if isinstance(relation, ManyToOneRel):
            owner, rows = relation.field.name, relation.related_model._base_manager
            if relation.one_to_one and rows.filter(**{owner: into}).exists():
                continue  # the member's own counts; the guest's goes with the guest
            rows.filter(**{owner: guest}).update(**{owner: into})
    if guest.is_suspended:
        suspensions.take_effect(into)  # logging in is no way out
    guest.delete()
