"""What the guards said, and who looked at a private conversation."""

from django.conf import settings
from django.db import models


class Verdict(models.Model):
    """One judgement of a guard on one side of a turn. Holds no text: scores, offsets and versions only."""

    class Direction(models.TextChoices):
        INPUT = "input", "message"
        OUTPUT = "output", "answer"

    class Action(models.TextChoices):
        ALLOW = "allow", "allowed"
        WARN = "warn", "allowed, noted"
        BLOCK = "block", "blocked"

    reply = models.ForeignKey("chat.Reply", on_delete=models.CASCADE, related_name="verdicts")
    direction = models.CharField(max_length=6, choices=Direction.choices)
    action = models.CharField(max_length=5, choices=Action.choices, db_index=True)
    score = models.FloatField(help_text="P(unsafe), 0 to 1.")
    categories = models.JSONField(default=dict, help_text="Category -> score, or null where the guard gives none.")
    violated = models.JSONField(default=list, help_text="The categories that led to the action, strongest first.")
    guard_id = models.CharField(max_length=100)
    policy_version = models.CharField(max_length=40)
    latency_ms = models.FloatField()
    char_start = models.PositiveIntegerField(default=0)
    char_end = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.get_direction_display()}: {self.get_action_display()}"


class Reveal(models.Model):
    """Somebody of the staff read a private conversation. Written before the first word is shown; never changed."""

    conversation = models.ForeignKey("chat.Conversation", null=True, on_delete=models.SET_NULL, related_name="reveals")
    conversation_ref = models.UUIDField(help_text="Stays when the conversation is deleted.")
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="reveals_made"
    )
    staff_ref = models.UUIDField()
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-created_at"]
        permissions = [("reveal_conversation", "Can read private conversations, with a reason that is logged")]

    def __str__(self) -> str:
        return f"{self.staff_ref} read {self.conversation_ref}"
