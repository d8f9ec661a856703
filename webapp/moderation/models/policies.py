"""Versions of the guard's policy, as the administration edits them."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class PolicyVersion(models.Model):
    """What is done at which score, for each category and direction. A version that was active never changes."""

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        ACTIVE = "active", "active"
        RETIRED = "retired", "retired"

    number = models.PositiveIntegerField(unique=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.DRAFT)
    rules = models.JSONField(help_text="As `assistant.safety.policy` reads it.")
    note = models.CharField(max_length=400, help_text="What changes, and why.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="policies")
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(null=True, blank=True)
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="policies_activated"
    )

    class Meta:
        ordering = ["-number"]
        permissions = [("activate_policyversion", "Can put a policy into force")]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="active"), name="one_active_policy"),
        ]

    def __str__(self) -> str:
        return f"Policy {self.number}"
