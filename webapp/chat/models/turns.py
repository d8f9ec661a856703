"""Messages and replies. The database is the only truth about a turn."""

import re
import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from webapp.chat.models.conversations import Conversation
from webapp.chat.models.sealing import SealedJSONField, SealedQuerySet, SealedTextField, WithWords


class Message(WithWords):
    """What a person wrote. Its id is the turn id that their browser made, so sending it twice is one message."""

    class Origin(models.TextChoices):
        STARTER = "starter", "a suggested beginning"
        FOLLOWUP = "followup", "a suggested question"

    TURN = "pk"

    id = models.UUIDField(primary_key=True, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey(
        "Reply", null=True, blank=True, on_delete=models.CASCADE, related_name="followed_by", help_text="Answers this."
    )
    text = SealedTextField()
    origin = models.CharField(
        max_length=8,
        choices=Origin.choices,
        blank=True,
        help_text="What was clicked to send it; empty: it was written.",
    )
    attachments = models.JSONField(default=list, help_text="Ids of the documents that are searched first for it.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SealedQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"Message {self.id}"


class ReplyQuerySet(SealedQuerySet["Reply"]):
    def active(self) -> Self:
        return self.filter(state__in=Reply.ACTIVE)

    def owned(self, reply_id: uuid.UUID, epoch: int) -> Self:
        """The reply, if the worker that claimed it as `epoch` still owns it; else nothing."""
        return self.filter(pk=reply_id, epoch=epoch, state=Reply.State.RUNNING)

    def released(self) -> Self:
        """Whose message the guard withheld and the staff let pass, and found no fault with later."""
        let_pass = self.filter(input_checked=True, verdicts__direction="input", verdicts__action="block")
        return let_pass.exclude(case__outcome="agreed")

    def claimable(self, now: datetime) -> Self:
        """Waiting for a worker, or left by one that gave no sign of life."""
        waiting = Q(state=Reply.State.QUEUED, not_before__lte=now)
        abandoned = Q(state=Reply.State.RUNNING, lease_until__lt=now)
        return self.filter(waiting | abandoned)


class Reply(WithWords):
    """The assistant's answer to a message, from the moment it is queued.

    `text` holds what the guard has passed and nothing else: everything in it may be shown; only in optimistic mode, and
    only while it is written, the guard has yet to read its last `unchecked_chars`. `token_ids` are the ids it was
    decoded from. `blocks` and `tail` are the same text rendered. `epoch` counts owners: every write of a worker
    names the epoch it claimed, so a worker that lost the turn changes nothing. (`epoch`, `event_index`) is the place
    in the turn log that this row includes. In a temporary chat all that has words is sealed (`models.sealing`).
    """

    class State(models.TextChoices):
        QUEUED = "queued", "waiting"
        RUNNING = "running", "being written"
        DONE = "done", "finished"
        CANCELLED = "cancelled", "stopped"
        BLOCKED = "blocked", "withheld"
        FAILED = "failed", "failed"

    ACTIVE = (State.QUEUED, State.RUNNING)
    TURN = "message_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="replies")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="replies")

    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    phase = models.CharField(max_length=20, default="queued", help_text="What is being done, for the person waiting.")
    epoch = models.PositiveIntegerField(default=0)
    event_index = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(default=timezone.now)
    enqueued_at = models.DateTimeField(null=True, blank=True)
    waiting_since = models.DateTimeField(null=True, blank=True, help_text="Since when the engine has been away.")
    deadline = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0)

    text = SealedTextField(blank=True)
    token_ids = SealedJSONField(default=list)
    unchecked_chars = models.PositiveIntegerField(default=0)
    blocks = SealedJSONField(default=list)
    tail = SealedTextField(blank=True)
    renderer_version = models.PositiveSmallIntegerField(default=0)

    input_checked = models.BooleanField(default=False)
    passages = SealedJSONField(null=True, help_text="What the prompt quoted; null until the library was searched.")
    citations = SealedJSONField(default=list)
    notices = SealedJSONField(default=list, help_text="What stands beside the answer: advice, warnings, help lines.")
    code_reports = SealedJSONField(default=list, help_text="What Code Shield says of each code block, in order.")
    steps = SealedJSONField(default=list, help_text="The tools used for this answer, in order, with their results.")
    used = SealedJSONField(default=dict, help_text="What personal things the prompt held: instructions, memories.")
    filled = models.JSONField(
        default=dict, help_text="How much of the room for its prompt was taken by what (`assistant.window.Filled`)."
    )
    support = models.JSONField(
        null=True, help_text="Which sentences its passages support (`services.support`); null until it was checked."
    )
    followups = SealedJSONField(default=list, help_text="What the person might ask next.")
    continued_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    prompt_version = models.CharField(max_length=64, blank=True, help_text="Content hash of the system prompt in use.")
    arm = models.TextField(blank=True, help_text="Experiments and arms that the turn was part of.")
    copied_at = models.DateTimeField(null=True, blank=True, help_text="When it, or code in it, was first copied.")
    seed = models.BigIntegerField()
    model_id = models.CharField(max_length=200, blank=True)
    usage = models.JSONField(default=dict)
    timings = models.JSONField(default=dict, help_text="Milliseconds since the message was stored, by stage.")
    finish_reason = models.CharField(max_length=20, blank=True)
    error_code = models.CharField(max_length=40, blank=True)

    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ReplyQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        verbose_name_plural = "replies"
        indexes = [
            models.Index(fields=["state", "lease_until"]),
            models.Index(fields=["conversation", "created_at"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(state__in=("queued", "running")),
                name="one_active_reply_per_conversation",
            )
        ]

    def __str__(self) -> str:
        return f"Reply {self.id}"

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE

    @property
    def arms_named(self) -> str:
        """The experiments and arms, without the numbers of the phases."""
        return re.sub(r"#\d+(?=, |$)", "", self.arm)

    @property
    def can_continue(self) -> bool:
        """Whether it ended before it was complete, with something to go on from."""
        was_cut = self.state == self.State.DONE and self.finish_reason == "length"
        has_room = self.error_code != "window_full"
        return bool(self.blocks) and has_room and (was_cut or self.state in (self.State.CANCELLED, self.State.FAILED))

    @property
    def cursor(self) -> str:
        return f"{self.epoch}-{self.event_index}"


class QueuedMessage(WithWords):
    """What a person wrote while an answer was being written: it is sent by itself when that answer is done.

    It waits here and not in the browser, so that closing the page loses nothing. `is_held`: the answer did not end
    well or was stopped, so the person decides whether it is still wanted.
    """

    TURN = "pk"

    id = models.UUIDField(primary_key=True, editable=False, help_text="Becomes the id of the message.")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="queued_messages")
    text = SealedTextField()
    attachments = models.JSONField(default=list, help_text="Ids of the documents that go with it.")
    is_held = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SealedQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"Queued message {self.id}"
