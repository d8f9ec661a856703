from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("moderation", "0005_withholding_an_answer"),
    ]

    operations = [
        migrations.AddField(
            model_name="case",
            name="sealed_key",
            field=models.BinaryField(help_text="Opens the turn where its chat was temporary; encrypted.", null=True),
        ),
    ]
