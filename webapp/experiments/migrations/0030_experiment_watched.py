from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0040_built_in_metrics")]

    operations = [
        migrations.AddField(
            model_name="experiment",
            name="watched_at",
            field=models.DateTimeField(blank=True, help_text="When its guardrails were last looked at.", null=True),
        ),
        migrations.AddField(
            model_name="experiment",
            name="badge",
            field=models.CharField(blank=True, help_text="What the figures advised then.", max_length=20),
        ),
    ]
