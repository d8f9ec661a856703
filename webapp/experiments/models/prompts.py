"""Versions of the system prompt, and the names that point to them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from webapp.experiments.models.versions import Approval, Version


class PromptVersion(Version):
    """A system prompt as somebody wrote it."""

    subject = "prompt"

    content_hash = models.CharField(max_length=12, unique=True, help_text="As `assistant.prompt_text` computes it.")
    text = models.TextField()
    based_on = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta(Version.Meta):
        permissions = [
            ("approve_promptversion", "Can approve a prompt for production"),
            ("label_promptversion", "Can move the labels of prompts, production among them"),
        ]

    def __str__(self) -> str:
        return f"Prompt {self.number}"


class PromptApproval(Approval):
    version = models.ForeignKey(PromptVersion, on_delete=models.CASCADE, related_name="approvals")


class PromptLabel(models.Model):
    """A name that points to a version. `production` is what everybody gets who is in no experiment."""

    PRODUCTION, CANDIDATE = "production", "candidate"

    name = models.SlugField(max_length=40, unique=True)
    version = models.ForeignKey(PromptVersion, on_delete=models.PROTECT, related_name="labels")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class LabelChange(models.Model):
    """A label was put on a version, or taken away. `before` is null at first, `after` where the label went."""

    label = models.SlugField(max_length=40)
    before = models.ForeignKey(PromptVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    after = models.ForeignKey(
        PromptVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="label_changes"
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="label_changes")
    reason = models.CharField(max_length=400, blank=True)
    is_rollback = models.BooleanField(default=False, help_text="Production went back to what it was before.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(before__isnull=True) | Q(after__isnull=True) | ~Q(before=F("after")),
                name="label_change_changes",
            )
        ]

    def __str__(self) -> str:
        return f"Label change {self.pk}"
