"""Settings of answers for everybody: written down once, read by somebody else, and let into production or not."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from webapp.accounts.models import User
from webapp.experiments.models import SettingsVersion
from webapp.experiments.models.serving import SETTINGS
from webapp.experiments.services import approvals
from webapp.moderation.services import audit

APPROVES = "experiments.approve_settingsversion"
SUBJECT = "settings"
NUM_RETRIES = 3


class DuplicateSettings(ValueError):
    """There is a version that says exactly this."""

    def __init__(self, version: SettingsVersion) -> None:
        super().__init__(f"settings {version.number} say this")
        self.version = version


def create(values: Mapping[str, Any], *, note: str, author: User) -> SettingsVersion:
    """A new version that nobody is served with yet. Of `values`, by the names of `SETTINGS`, what is not there or empty
    is as the site has it. Raises DuplicateSettings."""
    whole = {name: values.get(name) for name in SETTINGS} | {"endpoint": values.get("endpoint") or ""}
    for _attempt in range(NUM_RETRIES):
        # Somebody may save another one at the same instant.
        with suppress(IntegrityError):
            return _create(whole, note=note, author=author)
    return _create(whole, note=note, author=author)


@transaction.atomic
def _create(whole: Mapping[str, Any], *, note: str, author: User) -> SettingsVersion:
    same = SettingsVersion.objects.filter(
        **{
            f"{name}__isnull" if value is None else name: True if value is None else value
            for name, value in whole.items()
        }
    )
    if (existing := same.first()) is not None:
        raise DuplicateSettings(existing)
    highest = SettingsVersion.objects.aggregate(highest=Max("number"))["highest"] or 0
    version = SettingsVersion.objects.create(number=highest + 1, note=note, author=author, **whole)
    audit.record(author, "write_settings", subject_type=SUBJECT, subject_ref=version.number, reason=note)
    return version


@transaction.atomic
def approve(version: SettingsVersion, *, by: User, note: str = "") -> None:
    """Let them into production. Raises OwnWork if `by` wrote them and a colleague could approve them."""
    approval = approvals.approve(version, by=by, note=note, permission=APPROVES)
    details = approvals.details(approval)
    audit.record(by, "approve_settings", subject_type=SUBJECT, subject_ref=version.number, reason=note, details=details)


@transaction.atomic
def reject(version: SettingsVersion, *, by: User, note: str) -> None:
    """Keep them out of production from now on; where they are in force they stay until others are."""
    approvals.reject(version, by=by, note=note)
    audit.record(by, "reject_settings", subject_type=SUBJECT, subject_ref=version.number, reason=note)
