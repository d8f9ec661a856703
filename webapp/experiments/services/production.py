"""What everybody is answered with besides the prompt, which has its label: the newest change is in force, as a whole.

It changes in three ways: settings that a colleague has approved are put there, an experiment ships what an arm set, and
it goes back to what was before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.translation import gettext as _

from webapp import wiring
from webapp.accounts.models import User
from webapp.experiments.errors import CannotChange
from webapp.experiments.models import ProductionChange, SettingsVersion
from webapp.experiments.models.serving import SETTINGS, Serving
from webapp.experiments.services import approvals, running_experiments
from webapp.experiments.services.labels import ChangedMeanwhile, NotApproved, NothingBefore
from webapp.experiments.services.settings_versions import SUBJECT
from webapp.moderation.services import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was in force at a time, and the version that said so, if it was one. `rests_on` also is that version where
    an experiment has shipped something on top of it."""

    values: Mapping[str, Any]
    version: SettingsVersion | None = None
    rests_on: SettingsVersion | None = None

    @property
    def is_allowed(self) -> bool:
        return self.rests_on is None or approvals.is_approved(self.rests_on)


def newest() -> ProductionChange | None:
    """None: it never changed, and all is as the site has it."""
    return ProductionChange.objects.select_related("starters", "version", "by").first()


def in_force() -> Mapping[str, Any]:
    """All of it; empty where it is as the site has it."""
    return values_of(newest() or ProductionChange())


def values_of(row: Serving) -> Mapping[str, Any]:
    return {name: getattr(row, name) for name in SETTINGS}


def last_change() -> int:
    """Tells one state of production from the next; 0 where it never changed."""
    return ProductionChange.objects.values_list("pk", flat=True).first() or 0


@transaction.atomic
def ship(settings: Mapping[str, Any], *, by: User, reason: str) -> None:
    """These too, from now on: what is not among them stays. What is so already changes nothing."""
    _wait_for_others()
    now = in_force()
    if any(now[name] != value for name, value in settings.items()):
        _write({**now, **settings}, by=by, reason=reason)


@transaction.atomic
def take_back(settings: Mapping[str, Any], *, by: User, reason: str) -> None:
    """As `ship`, for what was there before: others may have been shipped since, and stay. Raises NotApproved, with the
    version, for what was rejected since."""
    _wait_for_others()
    now = in_force()
    back = {**now, **settings}
    if back == now:
        return
    *earlier, _current = _steps()
    _check_not_rejected(settings, earlier)
    _write(back, by=by, reason=reason, is_rollback=back in [step.values for step in earlier])


@transaction.atomic
def put(version: SettingsVersion, *, by: User, reason: str, seen: int) -> None:
    """Everybody is answered with these settings. Raises NotApproved, CannotChange where its model server is not in the
    settings of the site, and ChangedMeanwhile where production is not what whoever asks was looking at (`seen`, the
    `last_change`): these settings are a whole, and would undo what was shipped since."""
    _check_seen(seen)
    if not approvals.is_approved(version):
        raise NotApproved
    if version.endpoint and version.endpoint not in wiring.endpoint_names():
        raise CannotChange(_("The model server %(name)s is not in the settings.") % {"name": version.endpoint})
    values = values_of(version)
    if values == in_force():
        return
    _write(values, by=by, reason=reason, version=version)
    audit.record(by, "put_settings", subject_type=SUBJECT, subject_ref=version.number, reason=reason)


@transaction.atomic
def roll_back(*, by: User, reason: str, seen: int) -> None:
    """Back to what was in force before. Raises NothingBefore, and ChangedMeanwhile, so that asking twice goes back
    once."""
    _check_seen(seen)
    target = before()
    _write(target.values, by=by, reason=reason, version=target.version, is_rollback=True)
    number = target.version.number if target.version else ""
    audit.record(by, "roll_back_settings", subject_type=SUBJECT, subject_ref=number, reason=reason)


def before() -> Step:
    """What a rollback leads to. Raises NothingBefore.

    After a rollback another one leads further back, not forth again. What was rejected since is passed over.
    """
    *earlier, current = _steps()
    for step in reversed(earlier):
        if step.values != current.values and step.is_allowed:
            return step
    raise NothingBefore


def history(limit: int) -> Sequence[ProductionChange]:
    """The newest first."""
    return list(ProductionChange.objects.select_related("starters", "version", "by")[:limit])


def _steps() -> list[Step]:
    """What was in force, oldest first, without what was taken back. It began as the site has it."""
    steps = [Step(values=values_of(ProductionChange()))]
    changes = ProductionChange.objects.select_related("starters", "version").order_by("created_at", "pk")
    for change in changes:
        values = values_of(change)
        if not change.is_rollback:
            steps.append(Step(values=values, version=change.version, rests_on=change.version or steps[-1].rests_on))
            continue
        steps.pop()
        while steps[-1].values != values:
            steps.pop()
    return steps


def _check_not_rejected(settings: Mapping[str, Any], earlier: Sequence[Step]) -> None:
    """Where these come from is the last step that had them. What is empty is as the site has it, whoever said so."""
    said = {name: value for name, value in settings.items() if value not in (None, "")}
    for step in reversed(earlier):
        if all(step.values[name] == value for name, value in settings.items()):
            version = step.rests_on
            if version and not step.is_allowed and said.items() & values_of(version).items():
                raise NotApproved(version)
            return


def _check_seen(seen: int) -> None:
    _wait_for_others()
    if seen != last_change():
        raise ChangedMeanwhile


def _wait_for_others() -> None:
    """Whoever changes it at the same moment, until the end of their transaction. The row of the model is always there,
    the newest change is not."""
    changes = ContentType.objects.filter(app_label="experiments", model="productionchange")
    changes.select_for_update(no_key=True).get()


def _write(
    values: Mapping[str, Any],
    *,
    by: User,
    reason: str,
    version: SettingsVersion | None = None,
    is_rollback: bool = False,
) -> None:
    ProductionChange.objects.create(**values, by=by, reason=reason, version=version, is_rollback=is_rollback)
    running_experiments.forget()
