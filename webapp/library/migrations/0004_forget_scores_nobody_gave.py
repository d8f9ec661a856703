"""Passages from before the scan had its default as their score; a scan itself never says exactly nought."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

BATCH = 1000


def forget(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    _replace(apps, old=0.0, new=None)


def recall(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    _replace(apps, old=None, new=0.0)


def _replace(apps: Apps, *, old: float | None, new: float | None) -> None:
    passages = apps.get_model("library", "Passage").objects
    while chosen := list(passages.filter(injection_score=old).values_list("pk", flat=True)[:BATCH]):
        passages.filter(pk__in=chosen).update(injection_score=new)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("library", "0003_unscanned_passages")]

    operations = [migrations.RunPython(forget, recall)]
