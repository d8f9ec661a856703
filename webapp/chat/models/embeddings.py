"""What messages and answers mean, in numbers."""

from django.db import models
from django.db.models import Q

from webapp.chat.models.conversations import Conversation
from webapp.chat.models.turns import Message, Reply


class Embedding(models.Model):
    """The vectors of a message or an answer, one for each of its pieces, and where these stand in its text.

    The database makes and deletes these rows by itself, in the transaction that changes what they are about
    (`webapp.chat.services.embedding_rows`): there is one for each text that may be found, and none for any other. It
    waits without vectors until a worker fills it. A text that changes gets a new row, so whoever fills a row by its
    key never fills it with what the text was before.
    """

    id = models.BigAutoField(primary_key=True)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="embeddings", db_index=False)
    message = models.OneToOneField(Message, null=True, on_delete=models.CASCADE, related_name="embedding")
    reply = models.OneToOneField(Reply, null=True, on_delete=models.CASCADE, related_name="embedding")
    made_by = models.CharField(max_length=100, help_text="Name and dimensions of the model. Empty: it waits.")
    spans = models.JSONField(null=True, help_text="[start, end) of each piece in the text.")
    vectors = models.BinaryField(null=True, help_text="int8, the pieces one after the other")

    class Meta:
        indexes = [
            models.Index(fields=["conversation", "made_by"], name="embeddings_to_search"),
            models.Index(fields=["made_by", "-id"], name="embeddings_that_wait"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(message=None, reply__isnull=False) | Q(message__isnull=False, reply=None),
                name="embedding_of_one_text",
            )
        ]

    def __str__(self) -> str:
        return f"Embedding {self.pk}"

    @property
    def about(self) -> Message | Reply:
        """The row whose text it is of."""
        about = self.message or self.reply
        assert about is not None
        return about
