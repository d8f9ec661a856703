from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("moderation", "0003_keyed_record_and_whole_originals"),
    ]

    operations = [
        migrations.AlterField(
            model_name="flag",
            name="source",
            field=models.CharField(
                choices=[
                    ("guard_input", "guard, message"),
                    ("guard_output", "guard, answer"),
                    ("report", "report"),
                    ("shared", "report, shared chat"),
                    ("appeal", "appeal"),
                ],
                max_length=12,
            ),
        ),
    ]
