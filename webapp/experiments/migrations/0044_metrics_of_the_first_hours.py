"""The same in the first hours, for an answer on the same day; and what a policy in shadow would withhold."""

from typing import Any

from django.db import migrations

METRICS: dict[str, dict[str, Any]] = {
    "thumbs_up_rate_6h": {
        "name": "Thumbs up, first six hours",
        "description": "Of the answers of these hours that somebody rated.",
        "kind": "ratio",
        "unit": "share",
        "fact": "thumbs_up",
        "per": "rated",
        "window_hours": 6,
    },
    "kept_rate_6h": {
        "name": "Kept answers, first six hours",
        "description": "Of the finished answers, those not asked for again and whose question was not changed.",
        "kind": "ratio",
        "unit": "share",
        "fact": "kept_answers",
        "per": "answers",
        "window_hours": 6,
    },
    "withdrawn_1h": {
        "name": "Withdrawn answers, first hour",
        "description": "People who saw an answer taken back.",
        "kind": "binary",
        "unit": "share",
        "fact": "withdrawn",
        "is_rare": True,
        "is_better_up": False,
        "window_hours": 1,
    },
    "error_rate_1h": {
        "name": "Failed answers, first hour",
        "description": "Of all answers begun.",
        "kind": "ratio",
        "unit": "share",
        "fact": "errors",
        "per": "attempts",
        "is_better_up": False,
        "window_hours": 1,
    },
    "shadow_blocks": {
        "name": "Withheld by the policy in shadow",
        "description": "People of whom the arm's policy in shadow would withhold a turn; without one, of whom one was.",
        "kind": "binary",
        "unit": "share",
        "fact": "shadow_blocks",
        "is_rare": True,
        "is_better_up": False,
        "window_hours": 24,
    },
}


def make(apps: Any, _schema: Any) -> None:
    metrics = apps.get_model("experiments", "Metric").objects
    for key, values in METRICS.items():
        metrics.update_or_create(key=key, defaults={**values, "is_built_in": True})


def take_away(apps: Any, _schema: Any) -> None:
    apps.get_model("experiments", "Metric").objects.filter(key__in=METRICS, experiments=None).delete()


class Migration(migrations.Migration):
    dependencies = [("experiments", "0043_experiment_measuring_since")]

    operations = [migrations.RunPython(make, take_away)]
