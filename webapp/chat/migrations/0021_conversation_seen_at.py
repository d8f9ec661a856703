import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0020_search")]
    operations = [
        migrations.AddField(
            model_name="conversation",
            name="seen_at",
            field=models.DateTimeField(default=django.utils.timezone.now, help_text="When its owner last looked at it."),
        )
    ]
