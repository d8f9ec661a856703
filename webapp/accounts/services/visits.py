"""When somebody was last here: to the day for a person, to some minutes for each of a member's sessions."""

from hashlib import sha256

from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from webapp.accounts.models import User

SESSION_EVERY_S = 300


def note_visit(person: User) -> bool:
    """Keep that they were here today. Returns whether this is the first visit of the day."""
    today = timezone.now().date()
    if person.seen_on == today:
        return False
    person.seen_on = today
    User.objects.filter(pk=person.pk).update(seen_on=today)
    return True


def note_session(request: HttpRequest) -> None:
    """Keep for a member's list of sessions that this one is in use, at most once in some minutes."""
    key = request.session.session_key
    # A hash of it: the key itself opens the session for whoever can read the cache.
    if key and cache.add(f"session-seen:{sha256(key.encode()).hexdigest()}", True, SESSION_EVERY_S):
        UserSession.objects.create_from_request(request)
