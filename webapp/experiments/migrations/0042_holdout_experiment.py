import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0031_first_layer")]

    operations = [
        migrations.AlterField(
            model_name="experiment",
            name="layer",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="experiments",
                to="experiments.layer",
            ),
        ),
        migrations.AddField(
            model_name="holdout",
            name="experiment",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="holdout",
                to="experiments.experiment",
            ),
        ),
    ]
