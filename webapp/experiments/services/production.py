"""What everybody is answered with besides the prompt, which has its label: the newest change is in force, as a whole.

It changes in three ways: settings that a colleague has approved are put there, an experiment ships what an arm set, and
it goes back to what was before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.translation import gettext as _

from webapp import wiring
from webapp.accounts.models import User
from webapp.experiments.errors import CannotChange
from webapp.experiments.models import ProductionChange, SettingsVersion
from webapp.experiments.models.serving import SETTINGS, Serving
from webapp.experiments.services import running_experiments, stepping_back
from webapp.experiments.services.stepping_back import NotApproved, Step
from webapp.moderation.services import audit

Values = Mapping[str, Any]


def newest() -> ProductionChange | None:
    """None: it never changed, and all is as the site has it."""
    return ProductionChange.objects.select_related("starters", "version", "by").first()


def in_force() -> Values:
    """All of it; empty where it is as the site has it."""
    return values_of(newest() or ProductionChange())


def values_of(row: Serving) -> Values:
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
    _write(back, by=by, reason=reason, is_rollback=back in [step.what for step in earlier])


@transaction.atomic
def put(version: SettingsVersion, *, by: User, reason: str, seen: int) -> None:
    """Everybody is answered with these settings. Raises NotApproved, CannotChange where its model server is not in the
    settings of the site, and ChangedMeanwhile where production is not what whoever asks was looking at (`seen`, the
    `last_change`): these settings are a whole, and would undo what was shipped since."""
    _check_seen(seen)
    stepping_back.check_approved(version)
    if version.endpoint and version.endpoint not in wiring.endpoint_names():
        raise CannotChange(_("The model server %(name)s is not in the settings.") % {"name": version.endpoint})
    values = values_of(version)
    if values == in_force():
        return
    _write(values, by=by, reason=reason, version=version)
    audit.record(by, "put_settings", subject_type=version.subject, subject_ref=version.number, reason=reason)


@transaction.atomic
def roll_back(*, by: User, reason: str, seen: int) -> None:
    """Back to what was in force before. Raises NothingBefore, and ChangedMeanwhile, so that asking twice goes back
    once."""
    _check_seen(seen)
    target = before()
    _write(target.what, by=by, reason=reason, version=target.version, is_rollback=True)
    number = target.version.number if target.version else ""
    audit.record(by, "roll_back_settings", subject_type=SettingsVersion.subject, subject_ref=number, reason=reason)


def before() -> Step[Values]:
    """What a rollback leads to. Raises NothingBefore."""
    return stepping_back.before(_steps())


def history(limit: int) -> Sequence[ProductionChange]:
    """The newest first."""
    return list(ProductionChange.objects.select_related("starters", "version", "by")[:limit])


def _steps() -> Sequence[Step[Values]]:
    """It began as the site has it."""
    changes = ProductionChange.objects.select_related("starters", "version").order_by("created_at", "pk")
    return stepping_back.steps(changes, began=Step(what=values_of(ProductionChange())), step_of=_step)


def _step(change: ProductionChange, below: Step[Values]) -> Step[Values]:
    return Step(what=values_of(change), version=change.version, rests_on=change.version or below.rests_on)


def _check_not_rejected(settings: Mapping[str, Any], earlier: Sequence[Step[Values]]) -> None:
    """Where these come from is the last step that had them. What is empty is as the site has it, whoever said so."""
    said = {name: value for name, value in settings.items() if value not in (None, "")}
    for step in reversed(earlier):
        if all(step.what[name] == value for name, value in settings.items()):
            version = step.rests_on
            is_said = isinstance(version, SettingsVersion) and said.items() & values_of(version).items()
            if is_said and not step.is_allowed:
                raise NotApproved(version)
            return


def _check_seen(seen: int) -> None:
    _wait_for_others()
    stepping_back.check_seen(seen, last_change())


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
