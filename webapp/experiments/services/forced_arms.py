"""Testers: people who see one arm, whatever the draw, also while the experiment is a draft."""

from django.db import transaction

from webapp.accounts.models import User
from webapp.experiments.models import Arm, Experiment, ForcedArm
from webapp.experiments.services import running_experiments


@transaction.atomic
def force(experiment: Experiment, arm: Arm, person: User) -> ForcedArm:
    """From now on `person` sees this arm, in place of another that was forced before. Raises ValueError for an arm of
    another experiment."""
    if arm.experiment_id != experiment.pk:
        raise ValueError(f"{arm.key} is no arm of {experiment.key}")
    forced, _made = ForcedArm.objects.update_or_create(experiment=experiment, person=person, defaults={"arm": arm})
    running_experiments.forget()
    return forced


@transaction.atomic
def release(experiment: Experiment, person: User) -> None:
    """The draw decides again. What was recorded of the tester stays in no result."""
    ForcedArm.objects.filter(experiment=experiment, person=person).delete()
    running_experiments.forget()
