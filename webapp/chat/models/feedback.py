"""What people say about answers."""

import uuid

from django.conf import settings
from django.db import models

from webapp.chat.models.sealing import SealedQuerySet, SealedTextField, WithWords
from webapp.chat.models.turns import Message, Reply


class Feedback(WithWords):
    """A thumb, with reasons and words if wanted. Another thumb on the same reply takes its place, reasons and all."""

    class Thumb(models.IntegerChoices):
        DOWN = -1, "not helpful"
        UP = 1, "helpful"

    CHAT = "reply__conversation"
    TURN = "reply__message_id"

    reply = models.ForeignKey(Reply, on_delete=models.CASCADE, related_name="feedback")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="feedback")
    thumb = models.SmallIntegerField(choices=Thumb.choices)
    reasons = models.JSONField(default=list, help_text="Codes of `webapp.chat.services.feedback.REASONS`.")
    text = SealedTextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SealedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reply", "person"], name="one_thumb_per_reply_and_person")]

    def __str__(self) -> str:
        return f"Feedback {self.pk}"


class Comparison(models.Model):
    """Which of two answers to the same message somebody preferred, seen side by side."""

    class Choice(models.TextChoices):
        LEFT = "left", "left"
        RIGHT = "right", "right"
        TIE = "tie", "both are good"
        NEITHER = "neither", "neither is good"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="comparisons")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="comparisons")
    left = models.ForeignKey(Reply, on_delete=models.CASCADE, related_name="+")
    right = models.ForeignKey(Reply, on_delete=models.CASCADE, related_name="+")
    choice = models.CharField(max_length=7, choices=Choice.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"Comparison {self.id}"
