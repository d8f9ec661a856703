"""Chats shown to others by a link."""

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def open(self) -> Self:
        """Those that still show something. While their owner is suspended or locked out, none does."""
        now = timezone.now()
        lasting = self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)
        return lasting.filter(owner__is_active=True).exclude(owner__suspended_until__gt=now)


class ShareLink(models.Model):
    """Whoever has the token sees `turns`, a copy made when the link was: nothing written later is in it.

    `turns` is a list of {"reply": id, "question": text, "blocks": [html], "citations": [...], "model": name}, with
    what the owner left out or had masked already gone. A turn whose reply is withheld later is not shown any more.
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
