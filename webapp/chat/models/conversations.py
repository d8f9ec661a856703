"""Conversations, and how their owner keeps them in order."""

import uuid
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from webapp.chat import temporary_keys

if TYPE_CHECKING:
    from webapp.accounts.models import User


class Folder(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="folders")
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"Folder {self.id}"


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def of(self, person: "User") -> Self:
        return self.filter(owner=person)

    def kept(self) -> Self:
        """Without temporary ones, which are in no list, search or export."""
        return self.filter(is_temporary=False)


class Conversation(models.Model):
    """A tree of messages and replies. `selected` is the reply at the end of the branch that its owner looks at; null
    is the newest. A temporary one is never listed, and its words are sealed under a key that goes when its page ends
    or is not heard of any more (`webapp.chat.temporary_keys`). Then it is erased, but for what the staff looks at."""

    class TitledBy(models.TextChoices):
        WORDS = "words", "the first words"
        ASSISTANT = "assistant", "the assistant"
        PERSON = "person", "its owner"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations")
    title = models.CharField(max_length=120)
    titled_by = models.CharField(max_length=9, choices=TitledBy.choices, default=TitledBy.WORDS)
    pinned = models.BooleanField(default=False)
    folder = models.ForeignKey(Folder, null=True, blank=True, on_delete=models.SET_NULL, related_name="conversations")
    archived_at = models.DateTimeField(null=True, blank=True)
    is_temporary = models.BooleanField(default=False)
    imported_from = models.CharField(max_length=40, blank=True, help_text="The product its export came from.")
    selected = models.ForeignKey("Reply", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now, help_text="When its owner last looked at it.")
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="Of a temporary one of which only turns that the staff looks at are left."
    )

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]
        indexes = [
            models.Index(fields=["owner", "-updated_at"]),
            models.Index(fields=["seen_at"], condition=models.Q(is_temporary=True), name="temporary_by_seen_at"),
        ]

    def __str__(self) -> str:
        return f"Conversation {self.id}"  # never the title: it is taken from what the person wrote

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Raises TemporaryAway where a new temporary one gets no key."""
        if self._state.adding and self.is_temporary:
            temporary_keys.make(self.pk)
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return f"/c/{self.id}/"


class Tag(models.Model):
    """A word its owner has put on a conversation. Equal words on several conversations are one tag to a person."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=40)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["conversation", "name"], name="tag_once_per_conversation")]

    def __str__(self) -> str:
        return f"Tag {self.pk}"
