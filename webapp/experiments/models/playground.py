"""Trying prompts before anybody else sees them."""

import uuid

from django.conf import settings
from django.db import models

from webapp.experiments.models.serving import Serving


class TestTurn(models.Model):
    """A conversation that prompts are tried on, written by the team. A person's message stands first and last."""

    __test__ = False  # for pytest, which takes the name for a test's

    name = models.CharField(max_length=80, unique=True)
    messages = models.JSONField(help_text='Pairs of "user" or "assistant" and a text.')
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="test_turns"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PlaygroundSession(models.Model):
    """Several versions answer the same turns side by side. Seen by whoever made it, for a few days."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="playground_sessions")
    turns = models.JSONField(help_text="Conversations, each a list of pairs of role and text.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Playground {self.id}"


class PlaygroundRun(Serving):
    """One version's answer to one of the turns. `draft` is a text that is no version yet."""

    class State(models.TextChoices):
        QUEUED = "queued", "waiting"
        RUNNING = "running", "being written"
        DONE = "done", "finished"
        BLOCKED = "blocked", "withheld"
        FAILED = "failed", "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(PlaygroundSession, on_delete=models.CASCADE, related_name="runs")
    column = models.PositiveSmallIntegerField()
    turn = models.PositiveSmallIntegerField()
    draft = models.TextField(blank=True)
    seed = models.BigIntegerField(default=0)
    state = models.CharField(max_length=7, choices=State.choices, default=State.QUEUED)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    usage = models.JSONField(default=dict)
    first_text_ms = models.FloatField(null=True, blank=True)
    total_ms = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["turn", "column"]
        constraints = [models.UniqueConstraint(fields=["session", "column", "turn"], name="one_run_per_cell")]

    def __str__(self) -> str:
        return f"Run {self.id}"
