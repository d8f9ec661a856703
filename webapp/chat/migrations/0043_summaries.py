import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0042_reply_filled")]

    operations = [
        migrations.CreateModel(
            name="Summary",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("text", models.TextField(blank=True)),
                ("covers", models.CharField(help_text="SHA-256 of the states of the turns it covers.", max_length=64)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "reply",
                    models.OneToOneField(
                        help_text="The last it covers.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="summary",
                        to="chat.reply",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "summaries",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), ("finished_at__isnull", False), _connector="OR"),
                        name="summary_with_text_is_done",
                    )
                ],
            },
        ),
    ]
