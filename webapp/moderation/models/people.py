"""What the safety layer did to a person, and what they say to it."""

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Original(models.Model):
    """The words of an answer that was withheld, encrypted: for an appeal, and for nothing else, until `expires_at`."""

    reply = models.OneToOneField("chat.Reply", on_delete=models.CASCADE, related_name="original")
    sealed = models.BinaryField()
    sealed_beside = models.BinaryField(null=True, help_text="What stood beside it: citations, passages, notices.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"Original of {self.reply_id}"


class SuspensionQuerySet(models.QuerySet["Suspension"]):
    def running(self) -> Self:
        return self.filter(until__gt=timezone.now(), lifted_at=None)

    def over(self) -> Self:
        return self.filter(Q(until__lte=timezone.now()) | Q(lifted_at__isnull=False))


class Suspension(models.Model):
    """A time in which a person cannot send messages. Ends by itself; `User.suspended_until` is its effect."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="suspensions")
    case = models.ForeignKey("moderation.Case", null=True, blank=True, on_delete=models.SET_NULL)
    reason = models.CharField(max_length=200, help_text="Shown to the person.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="suspensions_made"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    until = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="suspensions_lifted"
    )
    lift_reason = models.CharField(max_length=200, blank=True)

    objects = SuspensionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Suspension {self.pk}"

    @property
    def is_running(self) -> bool:
        return self.lifted_at is None and self.until > timezone.now()


class Appeal(models.Model):
    """A person asks for another look at a withheld turn or at a suspension, and is told what came of it."""

    class State(models.TextChoices):
        PENDING = "pending", "being looked at"
        GRANTED = "granted", "granted"
        DENIED = "denied", "not granted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="appeals")
    case = models.ForeignKey("moderation.Case", null=True, blank=True, on_delete=models.CASCADE, related_name="appeals")
    suspension = models.ForeignKey(Suspension, null=True, blank=True, on_delete=models.CASCADE, related_name="appeals")
    text = models.CharField(max_length=1000, blank=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    answer = models.CharField(max_length=1000, blank=True, help_text="What the person is told.")
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="appeals_decided"
    )
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When the person saw the outcome.")

    class Meta:
        ordering = ["-created_at"]
        permissions = [("decide_appeal", "Can decide appeals")]
        constraints = [
            models.CheckConstraint(
                condition=Q(case__isnull=False, suspension__isnull=True)
                | Q(case__isnull=True, suspension__isnull=False),
                name="appeal_is_about_one_thing",
            ),
            models.UniqueConstraint(fields=["case"], condition=Q(state="pending"), name="one_pending_appeal_per_case"),
            models.UniqueConstraint(
                fields=["suspension"], condition=Q(state="pending"), name="one_pending_appeal_per_suspension"
            ),
        ]

    def __str__(self) -> str:
        return f"Appeal {self.id}"
