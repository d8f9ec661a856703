"""Whether the model answers, as beat sees it every two seconds. Pages say so while it does not.

Heartbeats are all there is to it: `model` beats when the model has answered, `model_watch` whenever it was asked. Where
nobody has looked for long, `model` is forgotten: how long it has been away is not known then.
"""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from webapp.chat.models import Heartbeat
from webapp.chat.services.heartbeat import beat, is_alive

MODEL, WATCH = "model", "model_watch"
AWAY_AFTER = timedelta(seconds=6)  # a pause that is shorter is not worth a word
WATCH_SILENCE = timedelta(seconds=15)


def note(*, is_answering: bool) -> None:
    """The model was asked just now."""
    if is_answering:
        beat(MODEL)
    elif not is_alive(WATCH, within_s=WATCH_SILENCE.total_seconds()):
        Heartbeat.objects.filter(part=MODEL).delete()
    beat(WATCH)


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
