from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("personal", "0002_preferences_summarises_chats")]

    operations = [
        migrations.AddField(
            model_name="preferences",
            name="keys",
            field=models.JSONField(
                blank=True, default=dict, help_text="Keys of shortcuts that are not the usual ones."
            ),
        ),
    ]
