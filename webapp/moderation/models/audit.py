"""The record of what the staff looked at and did. Rows are added, and never changed."""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models


class Unchangeable(TypeError):
    """Somebody's code tried to change the record."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Reads and adds. Django's own way of forgetting a deleted actor does not come by here."""

    def update(self, **_values: Any) -> NoReturn:
        raise Unchangeable("audit entries are never changed")

    def delete(self) -> NoReturn:
        raise Unchangeable("audit entries are never deleted")


class AuditEntry(models.Model):
    """One act of the staff. Each entry holds the digest of the one before it, so that none can be taken out unseen.

    Holds no word of a conversation. `actor_ref` and `subject_ref` stay when the rows they name are gone.
    """

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="acts")
    actor_ref = models.CharField(max_length=36, blank=True, help_text="Empty where Cria itself acted.")
    action = models.CharField(max_length=40, db_index=True)
    subject_type = models.CharField(max_length=40)
    subject_ref = models.CharField(max_length=36, db_index=True)
    reason = models.CharField(max_length=400, blank=True)
    details = models.JSONField(default=dict)
    at = models.DateTimeField(db_index=True)
    previous_digest = models.CharField(max_length=64, unique=True, help_text="Unique, so that the chain cannot fork.")
    digest = models.CharField(max_length=64, unique=True)
    digest_version = models.PositiveSmallIntegerField(default=1, help_text="How `digest` was made: see services.chain.")

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} {self.subject_type} {self.subject_ref}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Unchangeable("audit entries are never changed")
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise Unchangeable("audit entries are never deleted")


class Reveal(models.Model):
    """Somebody of the staff read a private conversation. Written before the first word is shown; never changed."""

    conversation = models.ForeignKey("chat.Conversation", null=True, on_delete=models.SET_NULL, related_name="reveals")
    conversation_ref = models.UUIDField(help_text="Stays when the conversation is deleted.")
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="reveals_made"
    )
    staff_ref = models.UUIDField()
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-created_at"]
        permissions = [("reveal_conversation", "Can read private conversations, with a reason that is logged")]

    def __str__(self) -> str:
        return f"{self.staff_ref} read {self.conversation_ref}"
