"""The names that point to versions. Where `production` points is what everybody gets who is in no experiment."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q

from webapp.accounts.models import User
from webapp.experiments.models import LabelChange, PromptLabel, PromptVersion
from webapp.experiments.services import prompts, running_experiments
from webapp.moderation.services import audit

PRODUCTION = PromptLabel.PRODUCTION


class NotApproved(ValueError):
    """Nobody has let this version into production, or somebody has taken that back."""


class NothingBefore(ValueError):
    """There is no version that production could go back to."""


def production() -> PromptVersion | None:
    """What is in production; None: the prompt that comes with Cria."""
    return PromptVersion.objects.filter(labels__name=PRODUCTION).first()


def put(name: str, version: PromptVersion, *, by: User | None, reason: str) -> None:
    """Point the label `name` at `version`. Raises NotApproved for production."""
    if name == PRODUCTION and not prompts.is_approved(version):
        raise NotApproved
    _move(name, version, by=by, reason=reason)


def take_away(name: str, *, by: User | None, reason: str) -> None:
    """The label points nowhere; without `production` everybody gets the prompt that comes with Cria."""
    _move(name, None, by=by, reason=reason)


@transaction.atomic
def rollback(*, by: User | None, reason: str) -> PromptVersion | None:
    """Production goes back to what it was before, which is returned. Raises NothingBefore."""
    target = before_production()
    _move(PRODUCTION, target, by=by, reason=reason, is_rollback=True)
    return target


def before_production() -> PromptVersion | None:
    """What a rollback leads to; None: the prompt that comes with Cria. Raises NothingBefore.

    After a rollback another one leads further back, not forth again. What was rejected since is passed over.
    """
    *earlier, current = _steps()
    for version in reversed(earlier):
        if version != current and (version is None or prompts.is_approved(version)):
            return version
    raise NothingBefore


def history(version: PromptVersion) -> Sequence[LabelChange]:
    """What happened to the labels of a version, newest first."""
    changes = LabelChange.objects.select_related("before", "after", "by")
    return list(changes.filter(Q(before=version) | Q(after=version)))


def _steps() -> list[PromptVersion | None]:
    """What production was, oldest first, without what was taken back. It began with Cria's own prompt."""
    steps: list[PromptVersion | None] = [None]
    changes = LabelChange.objects.filter(label=PRODUCTION).select_related("after").order_by("created_at", "pk")
    for change in changes:
        if not change.is_rollback:
            steps.append(change.after)
            continue
        steps.pop()
        while steps[-1] != change.after:
            steps.pop()
    return steps


@transaction.atomic
def _move(name: str, after: PromptVersion | None, *, by: User | None, reason: str, is_rollback: bool = False) -> None:
    label = PromptLabel.objects.select_for_update().select_related("version").filter(name=name).first()
    before = label.version if label else None
    if before == after:
        return
    if after is None:
        PromptLabel.objects.filter(name=name).delete()
    else:
        PromptLabel.objects.update_or_create(name=name, defaults={"version": after})
    LabelChange.objects.create(label=name, before=before, after=after, by=by, reason=reason, is_rollback=is_rollback)
    touched = after or before
    assert touched is not None
    audit.record(
        by,
        "put_label" if after else "take_away_label",
        subject_type=prompts.SUBJECT,
        subject_ref=touched.number,
        reason=reason,
        details={"label": name, "before": before.number if before else None, "is_rollback": is_rollback},
    )
    if name == PRODUCTION:
        running_experiments.forget()
