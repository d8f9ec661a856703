from django.db import migrations, models


class Migration(migrations.Migration):
    """Somebody can be in one experiment of each layer, and there may be many layers."""

    dependencies = [("chat", "0030_attachments")]

    operations = [
        migrations.AlterField(
            model_name="reply",
            name="arm",
            field=models.TextField(blank=True, help_text="Experiments and arms that the turn was part of."),
        ),
    ]
