from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0041_playground_stop")]

    operations = [
        migrations.AddField(
            model_name="experiment",
            name="measuring_since",
            field=models.DateTimeField(
                blank=True, help_text="When somebody asked for figures that are being computed.", null=True
            ),
        ),
    ]
