"""Documents and their passages. Text and vectors live here; every index over them can be built anew."""

import uuid
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

FIRST_ATTEMPT_AFTER = timedelta(seconds=3)
NEXT_ATTEMPT_AFTER = timedelta(seconds=30)
"""A worker that is at a document says so more often than this."""
PART_CHARS = 40_000
"""About how much of a document its page shows at once."""


class DocumentQuerySet(models.QuerySet["Document"]):
    def present(self) -> Self:
        """Those that have not been deleted."""
        return self.filter(deleted_at=None)

    def samples(self) -> Self:
        """The library that everybody may read."""
        return self.present().filter(owner=None)

    def readable_by(self, person_id: uuid.UUID | None) -> Self:
        """The sample library, and what belongs to this person. The one place that decides who may read what."""
        return self.present().filter(Q(owner=None) | Q(owner=person_id))

    def owned_by(self, person_id: uuid.UUID) -> Self:
        """What this person has added, whatever became of it."""
        return self.present().filter(owner=person_id)

    def being_read(self) -> Self:
        """People's documents that some worker is at right now."""
        is_recent = Q(attempted_at__gte=timezone.now() - NEXT_ATTEMPT_AFTER)
        return self.present().filter(is_recent, state=Document.State.RECEIVED).exclude(owner=None)

    def waiting(self, model_id: str) -> Self:
        """Not indexed yet, be it a file or a text, or indexed otherwise than today; and nobody is at it right now."""
        now = timezone.now()
        outdated = Passage.objects.outdated(model_id).filter(document=OuterRef("pk"))
        is_due = Q(attempted_at=None, received_at__lt=now - FIRST_ATTEMPT_AFTER) | Q(
            attempted_at__lt=now - NEXT_ATTEMPT_AFTER
        )
        return self.present().filter(
            Q(state=Document.State.RECEIVED) | Q(state=Document.State.READY) & Exists(outdated), is_due
        )


class Document(models.Model):
    """A text that can be searched and quoted.

    `revision` changes at random whenever the passages do; with it a reader of many documents can tell whether
    anything has changed (`webapp.library.services.scopes`). A deleted document keeps its row but not its text.

    What came as a file has no text until a worker has read it (`UploadedFile`). If it then says the same as another one
    of its owner, it is deleted, and `same_as` tells those who still know its id.
    """

    class State(models.TextChoices):
        RECEIVED = "received", "waiting to be indexed"
        READY = "ready", "ready"
        FAILED = "failed", "could not be indexed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="documents",
        help_text="Empty: part of the sample library, which everybody may read.",
    )
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    sha256 = models.CharField(max_length=64, db_index=True)
    mime = models.CharField(max_length=100, default="text/markdown")
    state = models.CharField(max_length=8, choices=State.choices, default=State.RECEIVED)
    error = models.CharField(
        max_length=200, blank=True, help_text="Why it could not be indexed: a code of `webapp.library.wording`."
    )
    num_bytes = models.PositiveIntegerField(default=0, help_text="Of the text; of the file, until that is read.")
    same_as = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    revision = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    received_at = models.DateTimeField(default=timezone.now, help_text="When this text came in.")
    attempted_at = models.DateTimeField(null=True, blank=True, help_text="When a worker last began to index it.")
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["title"]
        indexes = [models.Index(fields=["state", "attempted_at"])]

    def __str__(self) -> str:
        # A person's title is as private as their text.
        return self.title if self.owner_id is None else f"Document {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("library:document", args=[self.pk])

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.RECEIVED

    @property
    def summary(self) -> str:
        """The first paragraph, for a list."""
        return self.text.strip().partition("\n")[0]


class UploadedFile(models.Model):
    """The file of a document, until its text has been read out of it or that was found to be impossible."""

    document = models.OneToOneField(Document, primary_key=True, on_delete=models.CASCADE, related_name="file")
    kind = models.CharField(max_length=4, help_text="What it is by its content.")
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"File of document {self.document_id}"


class PassageQuerySet(models.QuerySet["Passage"]):
    def quotable(self) -> Self:
        """Those that may stand in a prompt: they do not give orders to the model."""
        return self.filter(flagged=False)

    def outdated(self, model_id: str) -> Self:
        """Those with a vector of another model, or that were never looked through for orders to a model."""
        return self.filter(~Q(model_id=model_id) | Q(injection_score=None))


class Passage(models.Model):
    """A piece of a document with its vector. `text` is what the document held at [char_start, char_end)."""

    id = models.BigAutoField(primary_key=True)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="passages")
    ord = models.PositiveIntegerField(help_text="Counts from 0 within the document.")
    char_start = models.PositiveIntegerField()
    char_end = models.PositiveIntegerField()
    heading = models.CharField(max_length=500, blank=True, help_text="The headings above it, outermost first.")
    text = models.TextField()
    text_sha = models.CharField(max_length=64)
    model_id = models.CharField(max_length=100, help_text="The model that made the vector.")
    vector = models.BinaryField(help_text="float32, little-endian")
    injection_score = models.FloatField(
        null=True, help_text="How sure we are that it gives orders to a model, from 0 to 1. Empty: never looked at."
    )
    flagged = models.BooleanField(default=False, help_text="Is not quoted, because of that.")

    objects = PassageQuerySet.as_manager()

    class Meta:
        ordering = ["document", "ord"]
        constraints = [models.UniqueConstraint(fields=["document", "ord"], name="one_passage_per_place")]

    def __str__(self) -> str:
        return f"Passage {self.ord} of document {self.document_id}"

    def get_absolute_url(self) -> str:
        """A long document is shown in parts; the address says which one."""
        part = f"?at={self.ord}" if self.char_start >= PART_CHARS else ""
        return f"{reverse('library:document', args=[self.document_id])}{part}#p-{self.ord}"
