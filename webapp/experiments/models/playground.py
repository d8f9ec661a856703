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
    """Several versions answer the same turns side by side. Seen by whoever made it, for a few days.

    With `is_blind` there are two, without names and in an order that each turn has by chance, until it was voted on.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="playground_sessions")
    turns = models.JSONField(help_text="What each turn goes on from, and its messages: `services.playground_turns`.")
    is_blind = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Playground {self.id}"


class PlaygroundRun(Serving):
    """One version's answer to one of the turns. `draft` is a text that is no version yet.

    `attempt` counts the workers that took it: what an earlier one still writes is not taken any more.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "waiting"
        RUNNING = "running", "being written"
        DONE = "done", "finished"
        BLOCKED = "blocked", "withheld"
        FAILED = "failed", "failed"
        STOPPED = "stopped", "stopped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(PlaygroundSession, on_delete=models.CASCADE, related_name="runs")
    column = models.PositiveSmallIntegerField()
    turn = models.PositiveSmallIntegerField()
    draft = models.TextField(blank=True)
    seed = models.BigIntegerField(default=0)
    state = models.CharField(max_length=7, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
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


class PreferenceVote(models.Model):
    """Which of two answers to the same turn was preferred, by somebody who did not know what had written them.

    It outlives the session and its runs, so it says itself what was compared: the settings of both, with the hash of
    the prompt. `left` and `right` are as they were shown.
    """

    class Choice(models.TextChoices):
        LEFT = "left", "left"
        RIGHT = "right", "right"
        TIE = "tie", "both alike"
        NEITHER = "neither", "neither"

    session = models.ForeignKey(PlaygroundSession, null=True, on_delete=models.SET_NULL, related_name="votes")
    turn = models.PositiveSmallIntegerField()
    left = models.ForeignKey(PlaygroundRun, null=True, on_delete=models.SET_NULL, related_name="+")
    right = models.ForeignKey(PlaygroundRun, null=True, on_delete=models.SET_NULL, related_name="+")
    left_serving = models.JSONField()
    right_serving = models.JSONField()
    turn_hash = models.CharField(max_length=12, help_text="Tells the turns of all sessions apart, without their words.")
    position = models.PositiveSmallIntegerField(help_text="The column that stood left.")
    choice = models.CharField(max_length=7, choices=Choice.choices)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="preference_votes"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["left", "right"], name="one_vote_per_pair")]

    def __str__(self) -> str:
        return f"Vote {self.pk}"
