"""Where a queued reply stands in the line, and about how long that takes."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Avg, ExpressionWrapper, F, fields
from django.utils import timezone

from webapp.chat.models import Reply

RECENT_S = 600
USUAL_REPLY_S = 10.0


def place(reply: Reply) -> dict[str, Any] | None:
    """How many are before this reply and about how many seconds it waits; None unless it is queued behind others."""
    if reply.state != Reply.State.QUEUED:
        return None
    before = Reply.objects.filter(state=Reply.State.QUEUED, created_at__lt=reply.created_at).count()
    running = Reply.objects.filter(state=Reply.State.RUNNING).count()
    if not before and running < settings.TURNS.num_workers:
        return None
    return {"before": before, "wait_s": wait_s(before)}


def wait_s(num_before: int) -> int:
    """About how many seconds somebody waits who has `num_before` others before them."""
    return max(1, round((num_before + 1) * _mean_reply_s() / settings.TURNS.num_workers))


def _mean_reply_s() -> float:
    """From storing a message to the end of its answer, over the last minutes; a guess where there were none."""
    took = ExpressionWrapper(F("finished_at") - F("created_at"), output_field=fields.DurationField())
    since = timezone.now() - timedelta(seconds=RECENT_S)
    mean = Reply.objects.filter(state=Reply.State.DONE, finished_at__gt=since).aggregate(mean=Avg(took))["mean"]
    return mean.total_seconds() if mean else USUAL_REPLY_S
