from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0044_embeddings")]

    operations = [
        migrations.AddField(
            model_name="reply",
            name="support",
            field=models.JSONField(
                help_text="Which sentences its passages support (`services.support`); null until it was checked.",
                null=True,
            ),
        ),
    ]
