"""More time to undo, for somebody who is at the button."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from webapp.accounts.models import User
from webapp.moderation.models import Review

TIMES = 20
"""How often the time is given at most; accessibility asks for ten (WCAG 2.2.1)."""


def hold(reviewer: User) -> int:
    """Give the whole time once more for all that this reviewer can still undo. Returns the seconds, 0 for nothing."""
    now, undo = timezone.now(), timedelta(seconds=settings.MODERATION.undo_s)
    mine = Review.objects.filter(reviewer=reviewer, undone_at=None, due_at__gt=now, created_at__gt=now - TIMES * undo)
    return round(undo.total_seconds()) if mine.update(due_at=now + undo) else 0
