"""What is measured, for which experiment, and the sums of it."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from webapp.experiments.models.experiments import Arm, Experiment, Phase


class Metric(models.Model):
    """A number for each exposed person, made of facts about their turns within a time from the first exposure.

    binary     whether there is any `fact`
    mean       the sum of `fact`, up to `cap`
    ratio      sums over sums, `fact` by `per`
    quantile   of the person's first value of `fact`
    retention  whether there is any `fact` between `from_hours` and `window_hours`
    funnel     whether `fact` and then each of the `later_steps` came to pass, in this order
    """

    class Kind(models.TextChoices):
        BINARY = "binary", "yes or no"
        MEAN = "mean", "mean"
        RATIO = "ratio", "ratio"
        QUANTILE = "quantile", "quantile"
        RETENTION = "retention", "return"
        FUNNEL = "funnel", "funnel"

    class Unit(models.TextChoices):
        SHARE = "share", "share"
        COUNT = "count", "count"
        MS = "ms", "milliseconds"

    key = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    unit = models.CharField(max_length=5, choices=Unit.choices, default=Unit.COUNT)
    fact = models.CharField(max_length=40, help_text="One of `webapp.experiments.facts.FACTS`.")
    per = models.CharField(max_length=40, blank=True, help_text="The fact below the line of a ratio.")
    later_steps = models.JSONField(default=list, blank=True, help_text="The facts after the first one of a funnel.")
    quantile = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0.01), MaxValueValidator(0.99)])
    from_hours = models.PositiveSmallIntegerField(default=0, help_text="Counts from so many hours after exposure.")
    window_hours = models.PositiveSmallIntegerField(default=72, validators=[MinValueValidator(1)])
    cap = models.FloatField(null=True, blank=True, help_text="A person's sum counts up to this.")
    is_better_up = models.BooleanField(default=True)
    is_rare = models.BooleanField(
        default=False, help_text="Exact methods from the first event, for what must not happen."
    )
    is_built_in = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(kind="ratio") & ~Q(per="")) | (~Q(kind="ratio") & Q(per="")), name="ratio_has_two_facts"
            ),
            models.CheckConstraint(
                condition=Q(kind="quantile", quantile__isnull=False) | (~Q(kind="quantile") & Q(quantile__isnull=True)),
                name="quantile_says_which",
            ),
            models.CheckConstraint(
                condition=(Q(kind="funnel") & ~Q(later_steps=[])) | (~Q(kind="funnel") & Q(later_steps=[])),
                name="funnel_has_steps",
            ),
            models.CheckConstraint(condition=Q(from_hours__lt=models.F("window_hours")), name="window_is_not_empty"),
        ]

    def __str__(self) -> str:
        return self.name


class ExperimentMetric(models.Model):
    """A metric in its role. For a goal `margin` is the gain that is worth shipping, for a guardrail the loss that is
    tolerated; both relative to the control (0.02 is two per cent), or absolute for rare things."""

    class Role(models.TextChoices):
        GOAL = "goal", "goal"
        SECONDARY = "secondary", "secondary"
        GUARDRAIL = "guardrail", "guardrail"

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="metrics")
    metric = models.ForeignKey(Metric, on_delete=models.PROTECT, related_name="experiments")
    role = models.CharField(max_length=9, choices=Role.choices)
    margin = models.FloatField(default=0.0, validators=[MinValueValidator(0.0)])

    class Meta:
        ordering = ["role", "pk"]
        constraints = [models.UniqueConstraint(fields=["experiment", "metric"], name="metric_once_per_experiment")]

    def __str__(self) -> str:
        return f"{self.metric_id}: {self.role}"


class CohortStat(models.Model):
    """What the people of one arm who were first exposed on one day did, as a sum that adds up over days and segments.

    Only people whose window has ended are in it. It is computed anew, in place, until all have, and for a while
    afterwards for what comes late; then `is_final`.
    """

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="cohorts")
    metric = models.ForeignKey(Metric, on_delete=models.CASCADE, related_name="cohorts")
    arm = models.ForeignKey(Arm, on_delete=models.CASCADE, related_name="cohorts")
    day = models.DateField()
    language = models.CharField(max_length=8, blank=True)
    device = models.CharField(max_length=7, blank=True)
    is_guest = models.BooleanField()
    is_new = models.BooleanField()
    n = models.PositiveIntegerField()
    sums = models.JSONField(help_text="As `webapp.experiments.services.sums` reads it.")
    computed_at = models.DateTimeField()
    is_final = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["phase", "metric", "arm", "day", "language", "device", "is_guest", "is_new"],
                name="one_sum_per_cohort",
            )
        ]

    def __str__(self) -> str:
        return f"Cohort {self.pk}"
