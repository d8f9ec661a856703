"""A version with approval: written once, read by somebody else, and let into production or not."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models


class Version(models.Model):
    """Something that everybody can be served with, as somebody wrote it. It never changes: other words are another
    version."""

    subject: ClassVar[str]
    """What the record of the staff's acts calls such a thing, and its acts end with."""

    number = models.PositiveIntegerField(unique=True)
    note = models.CharField(max_length=400, help_text="What changes, and why.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    approvals: Any  # of the class that belongs to it

    class Meta:
        abstract = True
        ordering = ["-number"]

    @classmethod
    def permission(cls, act: str) -> str:
        """Of whoever may `act` on such versions."""
        return f"{cls._meta.app_label}.{act}_{cls._meta.model_name}"


class Approval(models.Model):
    """Somebody else than its author has read a version and lets it into production, or not. It has a `version`."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    is_approved = models.BooleanField()
    note = models.CharField(max_length=400, blank=True)
    was_alone = models.BooleanField(default=False, help_text="The author approved it, for there is nobody else.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return f"Approval {self.pk}"
