from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_user_language"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="seen_on",
            field=models.DateField(blank=True, help_text="The day of the last visit.", null=True),
        ),
    ]
