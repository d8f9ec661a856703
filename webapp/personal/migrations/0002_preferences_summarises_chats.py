from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("personal", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="preferences",
            name="summarises_chats",
            field=models.BooleanField(default=True, help_text="Whether earlier turns of long chats are summarised."),
        ),
    ]
