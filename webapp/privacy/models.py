"""What people ask of their own data, and the proof of what was done."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone


class DataExport(models.Model):
    """Everything Cria keeps of a person, as a file they can take away. Made by a worker, deleted after some days."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        READY = "ready", "ready"
        FAILED = "failed", "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="data_exports")
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    file_name = models.CharField(max_length=120, blank=True, help_text="Below MEDIA_ROOT/exports.")
    num_bytes = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Data export {self.id}"


class ErasureReceipt(models.Model):
    """What was erased, when, how much of each kind, and what is kept and why. Names nobody: its id is the only key."""

    class Kind(models.TextChoices):
        WIPE = "wipe", "data wiped, account kept"
        ACCOUNT = "account", "account deleted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    erased = models.JSONField(default=dict, help_text="Kind of thing -> how many.")
    kept = models.JSONField(default=dict, help_text="Kind of thing -> how many and why.")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Erasure receipt {self.id}"
