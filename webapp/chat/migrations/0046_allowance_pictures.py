from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0045_reply_support")]

    operations = [
        migrations.AddField(model_name="allowance", name="pictures_paid_off_at", field=models.DateTimeField(null=True)),
    ]
