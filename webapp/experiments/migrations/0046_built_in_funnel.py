"""The way from the first message to coming back, as a metric to choose."""

from typing import Any

from django.db import migrations

KEY = "way_back"
FUNNEL: dict[str, Any] = {
    "name": "The way back",
    "description": "People who sent a message, kept an answer, sent another message, and came back on a later day.",
    "kind": "funnel",
    "unit": "share",
    "fact": "turns",
    "later_steps": ["kept_answers", "turns", "returns"],
    "window_hours": 72,
}


def make(apps: Any, _schema: Any) -> None:
    metrics = apps.get_model("experiments", "Metric").objects
    metrics.update_or_create(key=KEY, defaults={**FUNNEL, "is_built_in": True})


def take_away(apps: Any, _schema: Any) -> None:
    apps.get_model("experiments", "Metric").objects.filter(key=KEY, experiments=None).delete()


class Migration(migrations.Migration):
    dependencies = [("experiments", "0045_metric_funnels")]

    operations = [migrations.RunPython(make, take_away)]
