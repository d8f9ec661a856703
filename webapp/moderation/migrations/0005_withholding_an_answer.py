"""A decision may take an answer away that was shown."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("moderation", "0004_report_of_a_shared_chat")]

    operations = [
        migrations.AlterField(
            model_name="review",
            name="consequence",
            field=models.CharField(
                choices=[
                    ("none", "none"),
                    ("release", "released"),
                    ("withhold", "answer withheld"),
                    ("warn", "person warned"),
                    ("mute", "muted for a day"),
                    ("suspend", "suspended"),
                ],
                default="none",
                max_length=8,
            ),
        ),
    ]
