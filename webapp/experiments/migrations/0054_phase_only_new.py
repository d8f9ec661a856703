from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0053_support_metric")]

    operations = [
        migrations.AddField(
            model_name="phase",
            name="only_new",
            field=models.BooleanField(
                default=False, help_text="Of those it is meant for, people who came after its start."
            ),
        ),
    ]
