"""How much a person may still send, and when background processes were last seen."""

from django.conf import settings
from django.db import models


class Allowance(models.Model):
    """Two numbers per person: the moments at which, at the allowed pace, all messages they have sent and all pictures
    they have had would be paid off (the "theoretical arrival time" of the generic cell rate algorithm)."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="allowance"
    )
    paid_off_at = models.DateTimeField()
    pictures_paid_off_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Allowance of {self.person_id}"


class Heartbeat(models.Model):
    """When a background process was last seen alive."""

    part = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
