"""A layer to begin with: most places never need another one."""

from typing import Any

from django.db import migrations

NAME = "Main"


def make(apps: Any, _schema: Any) -> None:
    layers = apps.get_model("experiments", "Layer").objects
    if not layers.exists():
        layers.create(name=NAME)


def take_away(apps: Any, _schema: Any) -> None:
    apps.get_model("experiments", "Layer").objects.filter(name=NAME, experiments=None).delete()


class Migration(migrations.Migration):
    dependencies = [("experiments", "0030_experiment_watched")]

    operations = [migrations.RunPython(make, take_away)]
