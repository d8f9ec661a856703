"""Signs of life of the background processes, kept in the database for /readyz and the supervisor."""

from datetime import timedelta

from django.utils import timezone

from webapp.chat.models import Heartbeat


def beat(part: str) -> None:
    """Say that `part` is alive now."""
    Heartbeat.objects.update_or_create(part=part, defaults={"at": timezone.now()})


def is_alive(part: str, *, within_s: float) -> bool:
    """Whether `part` gave a sign of life in the last `within_s` seconds."""
    return Heartbeat.objects.filter(part=part, at__gte=timezone.now() - timedelta(seconds=within_s)).exists()
