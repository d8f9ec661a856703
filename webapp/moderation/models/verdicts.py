"""What the guards said."""

from django.db import models


class Verdict(models.Model):
    """One judgement of a guard on one side of a turn. Holds no text: scores, offsets and versions only."""

    class Direction(models.TextChoices):
        INPUT = "input", "message"
        OUTPUT = "output", "answer"

    class Action(models.TextChoices):
        ALLOW = "allow", "allowed"
        LOG = "log", "allowed, noted"
        INFORM = "inform", "answered with advice"
        WARN = "warn", "answered with a warning"
        BLOCK = "block", "blocked"

    reply = models.ForeignKey("chat.Reply", on_delete=models.CASCADE, related_name="verdicts")
    direction = models.CharField(max_length=6, choices=Direction.choices)
    action = models.CharField(max_length=6, choices=Action.choices, db_index=True)
    score = models.FloatField(help_text="P(unsafe), 0 to 1.")
    categories = models.JSONField(default=dict, help_text="Category -> score, or null where the guard gives none.")
    violated = models.JSONField(default=list, help_text="The categories that led to the action, strongest first.")
    guard_id = models.CharField(max_length=100)
    policy_version = models.CharField(max_length=40)
    is_degraded = models.BooleanField(default=False, help_text="A lesser guard judged, because the usual one was away.")
    language = models.CharField(max_length=8, blank=True, help_text="As the guard recognised it, if it did.")
    knows_language = models.BooleanField(default=True, help_text="Whether the guard was made for that language.")
    latency_ms = models.FloatField()
    char_start = models.PositiveIntegerField(default=0)
    char_end = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.get_direction_display()}: {self.get_action_display()}"
