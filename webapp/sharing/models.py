"""Chats shown to others by a link, and files of chats that are being taken in."""

import uuid
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

DEAD_AFTER = timedelta(minutes=2)
"""A worker that is at an import says so more often than this."""


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def open(self) -> Self:
        """Those that still show something. While their owner is suspended or locked out, none does."""
        now = timezone.now()
        lasting = self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)
        return lasting.filter(owner__is_active=True).exclude(owner__suspended_until__gt=now)


class ShareLink(models.Model):
    """Whoever has the token sees `turns`, a copy made when the link was: nothing written later is in it.

    `turns` is a list of {"reply": id, "question": text, "blocks": [html], "citations": [...], "model": name,
    "picture": {"id", "width", "height", "description"} or null, "picture_left_out": bool}, with what the owner left out
    or had masked already gone. Of an open link not all may be shown any more, as what was withheld since, and beside it
    stands what the guard said (`webapp.sharing.services.links`). Pictures are not copied.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token = models.CharField(max_length=43, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="share_links")
    conversation = models.ForeignKey("chat.Conversation", on_delete=models.CASCADE, related_name="share_links")
    title = models.CharField(max_length=120)
    turns = models.JSONField(default=list)
    renderer_version = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    num_views = models.PositiveIntegerField(default=0)
    last_viewed_at = models.DateTimeField(null=True, blank=True)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Share link {self.id}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


class ChatImportQuerySet(models.QuerySet["ChatImport"]):
    def waiting(self) -> Self:
        """Those that are not over."""
        return self.filter(state=ChatImport.State.WAITING)

    def being_read(self) -> Self:
        """Those that some worker is at right now."""
        return self.waiting().filter(attempted_at__gte=timezone.now() - DEAD_AFTER)

    def due(self) -> Self:
        """Those that no worker has begun, or whose worker has died."""
        return self.waiting().filter(Q(attempted_at=None) | Q(attempted_at__lt=timezone.now() - DEAD_AFTER))


class ChatImport(models.Model):
    """Somebody's wish to have the chats of a file. A worker takes them in; the row says how far it is and, for a day,
    what became of it. It holds numbers only: the file is apart, and goes as soon as the import is over."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting or being read"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="chat_imports")
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    error = models.CharField(max_length=20, blank=True, help_text="A code of `webapp.sharing.wording`.")
    num_found = models.PositiveIntegerField(default=0, help_text="Chosen chats in the file; 0 until it is read.")
    num_read = models.PositiveIntegerField(default=0)
    num_imported = models.PositiveIntegerField(default=0)
    left_out = models.JSONField(default=dict, help_text="Kind of thing -> how many, with those there are.")
    num_attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    attempted_at = models.DateTimeField(null=True, blank=True, help_text="The last sign of life of its worker.")

    objects = ChatImportQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(state="waiting"), name="one_import_at_a_time_per_person"
            )
        ]

    def __str__(self) -> str:
        return f"Import {self.id}"

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.WAITING

    @property
    def step(self) -> str:
        """Changes when there is something new to say."""
        return f"{self.num_read}/{self.num_found}"


class ImportedFile(models.Model):
    """The file of an import, until that is over."""

    chat_import = models.OneToOneField(ChatImport, primary_key=True, on_delete=models.CASCADE, related_name="file")
    content = models.BinaryField()
    chosen = models.JSONField(null=True, help_text="The ids of the chats that are wanted. Null: all.")

    def __str__(self) -> str:
        return f"File of import {self.chat_import_id}"
