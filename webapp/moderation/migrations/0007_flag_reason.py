from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("moderation", "0006_temporary_evidence"),
    ]

    operations = [
        migrations.AddField(
            model_name="flag",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("dangerous", "Dangerous or against the law"),
                    ("hateful", "Hateful or insulting"),
                    ("sexual", "Sexual"),
                    ("self_harm", "Encourages to hurt oneself"),
                    ("private", "Tells private things about somebody"),
                    ("wrong", "Wrong or misleading"),
                    ("other", "Something else"),
                ],
                help_text="Of a report.",
                max_length=9,
            ),
        ),
    ]
