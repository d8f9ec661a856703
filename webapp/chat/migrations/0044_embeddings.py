import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The rows and the triggers that keep them come after every migration: `webapp.chat.services.embedding_rows`."""

    dependencies = [("chat", "0043_summaries")]

    operations = [
        migrations.CreateModel(
            name="Embedding",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "made_by",
                    models.CharField(help_text="Name and dimensions of the model. Empty: it waits.", max_length=100),
                ),
                ("spans", models.JSONField(help_text="[start, end) of each piece in the text.", null=True)),
                ("vectors", models.BinaryField(help_text="int8, the pieces one after the other", null=True)),
                (
                    "conversation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="embeddings",
                        to="chat.conversation",
                    ),
                ),
                (
                    "message",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="embedding",
                        to="chat.message",
                    ),
                ),
                (
                    "reply",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="embedding",
                        to="chat.reply",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["conversation", "made_by"], name="embeddings_to_search"),
                    models.Index(fields=["made_by", "-id"], name="embeddings_that_wait"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("message", None), ("reply__isnull", False)),
                            models.Q(("message__isnull", False), ("reply", None)),
                            _connector="OR",
                        ),
                        name="embedding_of_one_text",
                    )
                ],
            },
        ),
    ]
