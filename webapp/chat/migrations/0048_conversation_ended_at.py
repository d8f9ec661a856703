"""Temporary chats get keys; those that are open now have none, so the reconciler ends them at once."""

from datetime import UTC, datetime
from typing import Any

from django.db import migrations, models

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def end_open_ones(apps: Any, _editor: Any) -> None:
    temporary = apps.get_model("chat", "Conversation").objects.filter(is_temporary=True)
    apps.get_model("chat", "Reply").objects.filter(
        conversation__is_temporary=True, state__in=("queued", "running")
    ).update(state="cancelled", lease_until=None)
    temporary.update(updated_at=LONG_AGO, seen_at=LONG_AGO)


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0047_temporary_by_seen_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="ended_at",
            field=models.DateTimeField(
                blank=True, help_text="Of a temporary one of which only turns that the staff looks at are left.", null=True
            ),
        ),
        migrations.RunPython(end_open_ones, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(
            model_name="picture",
            name="asked_sha",
            field=models.CharField(help_text="A digest of the words it was drawn from.", max_length=64),
        ),
    ]
