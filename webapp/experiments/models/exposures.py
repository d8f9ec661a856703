"""Who saw which arm."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from webapp.experiments.models.experiments import SLOTS, Arm, Experiment, Phase
from webapp.experiments.models.serving import Serving


class Exposure(models.Model):
    """The first time an arm was used for a person in a phase. `is_mixed`: later another arm was used for them, too.

    What is known of the person is as it was then, so that results can be looked at by it.
    """

    id = models.BigAutoField(primary_key=True)
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="exposures")
    arm = models.ForeignKey(Arm, on_delete=models.CASCADE, related_name="exposures")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exposures")
    at = models.DateTimeField()
    language = models.CharField(max_length=8, blank=True)
    device = models.CharField(max_length=7, blank=True)
    is_guest = models.BooleanField(default=False)
    is_new = models.BooleanField(default=False, help_text="The person came after the experiment had started.")
    is_forced = models.BooleanField(default=False, help_text="A tester, in no result.")
    is_mixed = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["phase", "person"], name="first_exposure_wins")]
        indexes = [models.Index(fields=["phase", "at"])]

    def __str__(self) -> str:
        return f"Exposure {self.pk}"


class ForcedArm(models.Model):
    """A tester who sees this arm, whatever the draw, also while the experiment is a draft."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="forced")
    arm = models.ForeignKey(Arm, on_delete=models.CASCADE, related_name="forced")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="forced_arms")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["experiment", "person"], name="one_forced_arm_per_experiment")]

    def __str__(self) -> str:
        return f"Forced arm {self.pk}"


class Holdout(Serving):
    """A small share of the people who are in no experiment and keep what was in production when it began, so that all
    that was shipped since can be measured together. One at a time.

    `experiment` compares them with everybody else, period by period. None: it began before there was such a thing.
    """

    HELD, OTHERS = "held", "others"  # the keys of its experiment's arms

    experiment = models.OneToOneField(Experiment, null=True, on_delete=models.PROTECT, related_name="holdout")
    salt = models.UUIDField(default=uuid.uuid4, editable=False)
    share = models.PositiveSmallIntegerField(
        validators=[MaxValueValidator(SLOTS // 5)], help_text="Of a thousand people; at most 200."
    )
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    is_open = models.BooleanField(default=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="holdouts")

    class Meta:
        ordering = ["-started_at"]
        constraints = [models.UniqueConstraint(fields=["is_open"], condition=Q(is_open=True), name="one_open_holdout")]

    def __str__(self) -> str:
        return f"Holdout {self.pk}"
