"""How much of what answers take from their sources stands there."""

from typing import Any

from django.db import migrations

KEY = "supported_rate"


def make(apps: Any, _schema: Any) -> None:
    values = {
        "name": "Citations supported",
        "description": "Of the sentences with a citation, those that the source supports.",
        "kind": "ratio",
        "unit": "share",
        "fact": "supported_sentences",
        "per": "cited_sentences",
        "is_better_up": True,
        "window_hours": 24,
        "is_built_in": True,
    }
    apps.get_model("experiments", "Metric").objects.update_or_create(key=KEY, defaults=values)


def take_away(apps: Any, _schema: Any) -> None:
    apps.get_model("experiments", "Metric").objects.filter(key=KEY, experiments=None).delete()


class Migration(migrations.Migration):
    dependencies = [("experiments", "0052_settings_versions"), ("chat", "0045_reply_support")]

    operations = [migrations.RunPython(make, take_away)]
