from django.db import migrations, models


class Migration(migrations.Migration):
    """What the reconciler asks for each second."""

    dependencies = [("chat", "0046_allowance_pictures")]

    operations = [
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(is_temporary=True), fields=["seen_at"], name="temporary_by_seen_at"
            ),
        ),
    ]
