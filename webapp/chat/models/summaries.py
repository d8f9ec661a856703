"""Summaries that stand in prompts for the earlier turns of a long conversation."""

import uuid
from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from webapp.chat.models.sealing import SealedQuerySet, SealedTextField, WithWords
from webapp.chat.models.turns import Reply

WRITTEN_WITHIN = timedelta(minutes=3)


class SummaryQuerySet(SealedQuerySet["Summary"]):
    def being_written(self) -> Self:
        """Those that a worker is at; one that died is not waited for longer than a summary takes."""
        return self.filter(finished_at=None, started_at__gt=timezone.now() - WRITTEN_WITHIN)

    def failed(self) -> Self:
        """Those of which nothing came that was of use."""
        return self.filter(text="").exclude(finished_at=None)


class Summary(WithWords):
    """What was said up to and with `reply`, on the branch that ends in it; without `text` none that can be used.

    `covers` says how these turns were when they were read (`webapp.chat.services.summaries`): once one of them is
    another way, or gone, the summary is not used any more.
    """

    CHAT = "reply__conversation"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reply = models.OneToOneField(
        Reply, on_delete=models.CASCADE, related_name="summary", help_text="The last it covers."
    )
    text = SealedTextField(blank=True)
    covers = models.CharField(max_length=64, help_text="SHA-256 of the states of the turns it covers.")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = SummaryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "summaries"
        constraints = [
            models.CheckConstraint(
                condition=Q(text="") | Q(finished_at__isnull=False), name="summary_with_text_is_done"
            )
        ]

    def __str__(self) -> str:
        return f"Summary {self.id}"
