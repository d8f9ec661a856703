"""A share of the people who keep what is in production today, for the effect of all that is shipped from now on.

Everybody is on one side, from their first turn in a period on. With each period they are counted anew, so that there
are figures of people who have had for weeks what was shipped, and not only of the first days.

 begun              shipped   shipped
   |── period 1 ──────|─|── period 2 ────────────── …
   each person:  •···            •···     first turn, and the window of a metric
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.experiments.models import (
    Arm,
    Experiment,
    ExperimentMetric,
    Holdout,
    Phase,
    ProductionChange,
    PromptLabel,
    PromptVersion,
)
from webapp.experiments.models.experiments import SLOTS
from webapp.experiments.models.serving import SETTINGS
from webapp.experiments.services import life, running_experiments
from webapp.experiments.services.drafting import Measured, key_for
from webapp.moderation.services import audit

PERIOD_DAYS = 28


class HoldoutOpen(Exception):
    """There is one already."""


class ExperimentsUnderWay(Exception):
    """People would leave them in the middle, and stay counted with what they get then."""


@transaction.atomic
def begin(
    *, share: int, by: User, reason: str = "", period_days: int = PERIOD_DAYS, metrics: Sequence[Measured] = ()
) -> Holdout:
    """Hold out `share` of a thousand people, at most 200, who keep what is in production now, and compare them with all
    others by `metrics`. Raises HoldoutOpen, and ExperimentsUnderWay while one runs or is paused."""
    if Holdout.objects.filter(is_open=True).exists():
        raise HoldoutOpen
    if Experiment.objects.filter(state__in=life.UNDER_WAY, layer__isnull=False).exists():
        raise ExperimentsUnderWay
    change = ProductionChange.objects.first() or ProductionChange()
    copied = {name: getattr(change, name) for name in SETTINGS}
    prompt = PromptVersion.objects.filter(labels__name=PromptLabel.PRODUCTION).first()
    try:
        with transaction.atomic():
            experiment = _experiment(by, period_days, metrics)
            holdout = Holdout.objects.create(share=share, by=by, prompt=prompt, experiment=experiment, **copied)
            life.begin_phase(experiment, number=1, weights={Holdout.HELD: share, Holdout.OTHERS: SLOTS - share})
    except IntegrityError as error:  # somebody else began one at the same moment
        raise HoldoutOpen from error
    audit.record(by, "begin_holdout", subject_type="holdout", subject_ref=holdout.pk, reason=reason)
    running_experiments.forget()
    return holdout


@transaction.atomic
def end(holdout: Holdout, *, by: User | None = None, reason: str = "") -> None:
    """Its people get what everybody gets, and are drawn into experiments, also into those that run: into all arms
    alike, as others who come late. Its figures stay."""
    if Holdout.objects.filter(pk=holdout.pk, is_open=True).update(is_open=False, ended_at=timezone.now()):
        audit.record(by, "end_holdout", subject_type="holdout", subject_ref=holdout.pk, reason=reason)
        if holdout.experiment is not None:
            life.stop(holdout.experiment, by=by, reason=reason or _("The holdout was ended."))
    running_experiments.forget()


@transaction.atomic
def go_on(experiment: Experiment, now: datetime) -> None:
    """To the next period, once the days of this one are over."""
    period = life.locked(experiment, Experiment.State.RUNNING).phases.get(ended_at=None)
    if period.started_at + timedelta(days=experiment.planned_days) <= now:
        begin_period(experiment, after=period.number, by=None, reason=_("The days of the period before were over."))


@transaction.atomic
def begin_period(experiment: Experiment, *, after: int, by: User | None, reason: str) -> Phase | None:
    """Everybody counts anew, on the side they are on. None where `after` is not the last period any more, so that
    asking twice begins one. Raises CannotChange once the holdout is over, and without a reason."""
    locked = life.locked(experiment, Experiment.State.RUNNING)
    period = locked.phases.get(ended_at=None)
    if period.number != after:
        return None
    weights = {each.arm.key: each.weight for each in period.allocations.select_related("arm")}
    return life.new_phase(locked, weights=weights, by=by, reason=reason)


def _experiment(by: User, period_days: int, metrics: Sequence[Measured]) -> Experiment:
    """It runs at once, and is nobody's to plan, pause or ship."""
    now = timezone.now()
    experiment = Experiment.objects.create(
        key=key_for("Holdout"),
        name=_("Holdout since %(day)s") % {"day": date_format(now)},
        hypothesis=_("What was shipped since then is worth it, all of it together."),
        owner=by,
        state=Experiment.State.RUNNING,
        started_at=now,
        planned_days=period_days,
        rolls_back=False,
    )
    Arm.objects.create(experiment=experiment, key=Holdout.HELD, name=_("Held out"), is_control=True)
    Arm.objects.create(experiment=experiment, key=Holdout.OTHERS, name=_("Everybody else"))
    ExperimentMetric.objects.bulk_create(
        ExperimentMetric(experiment=experiment, metric=each.metric, role=each.role, margin=each.margin)
        for each in metrics
    )
    return experiment
