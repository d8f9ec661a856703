"""Whether the model answers, as beat sees it every two seconds. Pages say so while it does not.

Heartbeats are all there is to it: `model` beats when the model has answered, `model_watch` whenever it was asked.
"""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from webapp.chat.models import Heartbeat
from webapp.chat.services.heartbeat import beat

MODEL, WATCH = "model", "model_watch"
AWAY_AFTER = timedelta(seconds=6)  # a pause that is shorter is not worth a word
WATCH_SILENCE = timedelta(seconds=15)


def note(*, is_answering: bool) -> None:
    """The model was asked just now."""
    beat(WATCH)
    if is_answering:
        beat(MODEL)


def absence() -> dict[str, Any] | None:
    """None while the model answers, or where nobody has looked lately; else for how long it has been away.

    `for_s` is None where nobody knows. How long it will take is never known.
    """
    seen = dict(Heartbeat.objects.filter(part__in=(MODEL, WATCH)).values_list("part", "at"))
    asked, answered = seen.get(WATCH), seen.get(MODEL)
    now = timezone.now()
    if asked is None or now - asked > WATCH_SILENCE or (answered and asked - answered < AWAY_AFTER):
        return None
    return {"for_s": round((now - answered).total_seconds()) if answered else None}
