import django.db.models.deletion
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0046_built_in_funnel")]

    operations = [
        migrations.AddField(
            model_name="experiment",
            name="is_bandit",
            field=models.BooleanField(default=False, help_text="Its shares follow the results."),
        ),
        migrations.AddField(
            model_name="experiment",
            name="floor",
            field=models.PositiveSmallIntegerField(
                default=5,
                validators=[MinValueValidator(1), MaxValueValidator(20)],
                help_text="Per cent of the people that each arm of a bandit keeps, whatever its results.",
            ),
        ),
        migrations.CreateModel(
            name="Share",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first_day", models.DateField(help_text="Of the exposure, in UTC.")),
                ("weight", models.PositiveSmallIntegerField(help_text="Of a thousand.")),
                ("chance", models.FloatField()),
                (
                    "arm",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="shares", to="experiments.arm"
                    ),
                ),
                (
                    "phase",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="shares", to="experiments.phase"
                    ),
                ),
            ],
            options={
                "ordering": ["first_day", "arm__key"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("phase", "arm", "first_day"), name="one_share_per_arm_and_period"
                    )
                ],
            },
        ),
    ]
