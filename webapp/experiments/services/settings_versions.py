"""Versions of the settings of answers for everybody."""

from collections.abc import Mapping
from typing import Any

from webapp.accounts.models import User
from webapp.experiments.models import SettingsVersion
from webapp.experiments.models.serving import SETTINGS
from webapp.experiments.services import versions


def create(values: Mapping[str, Any], *, note: str, author: User) -> SettingsVersion:
    """A new version that nobody is served with yet. Of `values`, by the names of `SETTINGS`, what is not there or empty
    is as the site has it. Raises Duplicate."""
    whole = {name: values.get(name) for name in SETTINGS} | {"endpoint": values.get("endpoint") or ""}
    same = SettingsVersion.objects.filter(
        **{
            f"{name}__isnull" if value is None else name: True if value is None else value
            for name, value in whole.items()
        }
    )
    return versions.write(same, note=note, author=author, **whole)
