"""Pictures that were drawn for answers."""

import uuid
from typing import Self

from django.db import models

from webapp.chat.models.sealing import SealedBinaryField, SealedQuerySet, WithWords
from webapp.chat.models.turns import Reply


class PictureQuerySet(SealedQuerySet["Picture"]):
    def shown(self) -> Self:
        """Those of answers that are not withheld."""
        return self.filter(is_sealed=False).exclude(reply__state=Reply.State.BLOCKED)


class Picture(WithWords):
    """What was drawn for an answer, one at most. What it shows stands in the answer's step (`Step.input`).

    While the answer is withheld, `content` is sealed (`webapp.moderation.services.originals`).
    """

    class Kind(models.TextChoices):
        PNG = "image/png", "PNG"
        JPEG = "image/jpeg", "JPEG"
        WEBP = "image/webp", "WebP"

    CHAT = "reply__conversation"
    TURN = "reply__message_id"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reply = models.OneToOneField(Reply, on_delete=models.CASCADE, related_name="picture")
    asked_sha = models.CharField(max_length=64, help_text="A digest of the words it was drawn from.")
    media_type = models.CharField(max_length=10, choices=Kind.choices)
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    num_bytes = models.PositiveIntegerField()
    content = SealedBinaryField()
    is_sealed = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PictureQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Picture {self.id}"

    @property
    def file_name(self) -> str:
        return f"picture-{self.id}.{self.media_type.partition('/')[2]}"
