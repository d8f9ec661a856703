from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0042_holdout_experiment")]

    operations = [
        migrations.AddField(
            model_name="playgroundrun",
            name="attempt",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="playgroundrun",
            name="state",
            field=models.CharField(
                choices=[
                    ("queued", "waiting"),
                    ("running", "being written"),
                    ("done", "finished"),
                    ("blocked", "withheld"),
                    ("failed", "failed"),
                    ("stopped", "stopped"),
                ],
                default="queued",
                max_length=7,
            ),
        ),
    ]
