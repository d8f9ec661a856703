"""A share of the people who keep what is in production today, for the effect of all that is shipped from now on."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp.accounts.models import User
from webapp.experiments.models import Holdout, ProductionChange, PromptLabel, PromptVersion
from webapp.experiments.services import running_experiments
from webapp.moderation.services import audit

_COPIED = ("temperature", "top_p", "max_reply_tokens", "num_passages", "endpoint", "starters_id")


class HoldoutOpen(Exception):
    """There is one already."""


@transaction.atomic
def begin(*, share: int, by: User, reason: str = "") -> Holdout:
    """Hold out `share` of a thousand people, at most 200, who keep what is in production now. Raises HoldoutOpen."""
    if Holdout.objects.filter(is_open=True).exists():
        raise HoldoutOpen
    change = ProductionChange.objects.first() or ProductionChange()
    copied = {name: getattr(change, name) for name in _COPIED}
    prompt = PromptVersion.objects.filter(labels__name=PromptLabel.PRODUCTION).first()
    try:
        with transaction.atomic():
            holdout = Holdout.objects.create(share=share, by=by, prompt=prompt, **copied)
    except IntegrityError as error:  # somebody else began one at the same moment
        raise HoldoutOpen from error
    audit.record(by, "begin_holdout", subject_type="holdout", subject_ref=holdout.pk, reason=reason)
    running_experiments.forget()
    return holdout


@transaction.atomic
def end(holdout: Holdout, *, by: User | None = None, reason: str = "") -> None:
    """Its people get what everybody gets, and may be in experiments that begin from now on."""
    if Holdout.objects.filter(pk=holdout.pk, is_open=True).update(is_open=False, ended_at=timezone.now()):
        audit.record(by, "end_holdout", subject_type="holdout", subject_ref=holdout.pk, reason=reason)
    running_experiments.forget()
