from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0041_pictures")]

    operations = [
        migrations.AddField(
            model_name="reply",
            name="filled",
            field=models.JSONField(
                default=dict,
                help_text="How much of the room for its prompt was taken by what (`assistant.window.Filled`).",
            ),
        ),
    ]
