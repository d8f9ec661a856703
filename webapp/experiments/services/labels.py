"""The names that point to versions. Where `production` points is what everybody gets who is in no experiment."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from assistant.prompt_text import SYSTEM_PROMPT, content_hash
from webapp.accounts.models import User
from webapp.experiments.models import LabelChange, PromptLabel, PromptVersion
from webapp.experiments.services import running_experiments, stepping_back
from webapp.experiments.services.stepping_back import Step
from webapp.moderation.services import audit

PRODUCTION = PromptLabel.PRODUCTION


def production() -> PromptVersion | None:
    """What is in production; None: the prompt that comes with Cria."""
    return PromptVersion.objects.filter(labels__name=PRODUCTION).first()


def production_hashes() -> Sequence[tuple[datetime, str]]:
    """The prompts that were in production, oldest first, each by its hash and from when on."""
    changes = LabelChange.objects.filter(label=PRODUCTION).select_related("after").order_by("created_at", "pk")
    return [(change.created_at, _hash(change.after)) for change in changes]


def production_hash_at(when: datetime, hashes: Sequence[tuple[datetime, str]]) -> str:
    """Of `production_hashes`, the one that was in production then."""
    return next((found for since, found in reversed(hashes) if since <= when), _hash(None))


def put(name: str, version: PromptVersion, *, by: User | None, reason: str) -> None:
    """Point the label `name` at `version`. Raises NotApproved for production."""
    if name == PRODUCTION:
        stepping_back.check_approved(version)
    _move(name, version, by=by, reason=reason)


def take_away(name: str, *, by: User | None, reason: str) -> None:
    """The label points nowhere; without `production` everybody gets the prompt that comes with Cria."""
    _move(name, None, by=by, reason=reason)


@transaction.atomic
def rollback(*, by: User | None, reason: str, seen: int | None = None) -> PromptVersion | None:
    """Production goes back to what it was before, which is returned. Raises NothingBefore.

    `seen` is the newest change (`last_change`) that whoever asks knew of: with a newer one it raises ChangedMeanwhile,
    so that asking twice goes back once.
    """
    PromptLabel.objects.select_for_update().filter(name=PRODUCTION).first()
    if seen is not None:
        stepping_back.check_seen(seen, last_change())
    target = before_production()
    _move(PRODUCTION, target, by=by, reason=reason, is_rollback=True)
    return target


@transaction.atomic
def go_back(target: PromptVersion | None, *, by: User | None, reason: str) -> None:
    """Production is this one again; None: the prompt that comes with Cria. Raises NotApproved."""
    if target is not None and target != production():
        stepping_back.check_approved(target)
    is_rollback = target in [step.what for step in _steps()[:-1]]
    _move(PRODUCTION, target, by=by, reason=reason, is_rollback=is_rollback)


def before_production() -> PromptVersion | None:
    """What a rollback leads to; None: the prompt that comes with Cria. Raises NothingBefore."""
    return stepping_back.before(_steps()).what


def last_change() -> int:
    """Tells one state of production from the next; 0 where it never changed."""
    last = LabelChange.objects.filter(label=PRODUCTION).values_list("pk", flat=True).first()
    return last or 0


def history(version: PromptVersion) -> Sequence[LabelChange]:
    """What happened to the labels of a version, newest first."""
    changes = LabelChange.objects.select_related("before", "after", "by")
    return list(changes.filter(Q(before=version) | Q(after=version)))


def _hash(version: PromptVersion | None) -> str:
    return version.content_hash if version else content_hash(SYSTEM_PROMPT)


def _steps() -> Sequence[Step[PromptVersion | None]]:
    """It began with Cria's own prompt."""
    changes = LabelChange.objects.filter(label=PRODUCTION).select_related("after").order_by("created_at", "pk")
    return stepping_back.steps(changes, began=Step(what=None), step_of=_step)


def _step(change: LabelChange, _below: Step[PromptVersion | None]) -> Step[PromptVersion | None]:
    return Step(what=change.after, version=change.after, rests_on=change.after)


@transaction.atomic
def _move(name: str, after: PromptVersion | None, *, by: User | None, reason: str, is_rollback: bool = False) -> None:
    labels = PromptLabel.objects.select_for_update(of=("self",)).select_related("version")
    label, is_new = labels.filter(name=name).first(), False
    if label is None and after is not None:  # of two who put a new label at once, the second sees the first one's
        label, is_new = labels.get_or_create(name=name, defaults={"version": after})
    before = label.version if label and not is_new else None
    if before == after:
        return
    if after is None:
        PromptLabel.objects.filter(name=name).delete()
    else:
        PromptLabel.objects.filter(name=name).update(version=after)
    LabelChange.objects.create(label=name, before=before, after=after, by=by, reason=reason, is_rollback=is_rollback)
    touched = after or before
    assert touched is not None
    audit.record(
        by,
        "put_label" if after else "take_away_label",
        subject_type=touched.subject,
        subject_ref=touched.number,
        reason=reason,
        details={"label": name, "before": before.number if before else None, "is_rollback": is_rollback},
    )
    if name == PRODUCTION:
        running_experiments.forget()
