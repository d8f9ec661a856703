"""Experiments, their arms and phases, and which share of the people each may use."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from webapp.experiments.models.serving import Serving

SLOTS = 1000


class Segment(models.Model):
    """People an experiment can be meant for, chosen by the staff: testers, a school, a company."""

    name = models.CharField(max_length=80, unique=True)
    people = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="segments")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Layer(models.Model):
    """People are divided into a thousand slots, by a salt of the layer's own. Experiments of one layer share no slot,
    so nobody is in two of them; those of different layers overlap by chance alone."""

    name = models.CharField(max_length=80, unique=True)
    salt = models.UUIDField(default=uuid.uuid4, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Experiment(models.Model):
    """From a draft to a decision. Once started only its traffic may grow, and that within the same phase.

    One without a layer is that of a holdout, the people held out against all others: it takes nobody from a layer, its
    phases are the periods of the holdout, and nothing of it is shipped.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        RUNNING = "running", "running"
        PAUSED = "paused", "paused"
        STOPPED = "stopped", "stopped"
        ARCHIVED = "archived", "archived"

    class Audience(models.TextChoices):
        EVERYBODY = "everybody", "everybody"
        GUESTS = "guests", "guests"
        MEMBERS = "members", "people who have signed up"
        NEW = "new", "people who came after the start"

    class Decision(models.TextChoices):
        SHIP = "ship", "an arm was shipped"
        ROLL_BACK = "roll_back", "rolled back"
        KEEP = "keep", "nothing was changed"

    key = models.SlugField(max_length=40, unique=True, help_text="Part of the salt, so it stays.")
    name = models.CharField(max_length=120)
    hypothesis = models.TextField(help_text="What should get better for whom, and why.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="experiments"
    )
    layer = models.ForeignKey(Layer, null=True, on_delete=models.PROTECT, related_name="experiments")
    state = models.CharField(max_length=8, choices=State.choices, default=State.DRAFT)
    traffic = models.PositiveSmallIntegerField(
        default=SLOTS,
        validators=[MinValueValidator(1), MaxValueValidator(SLOTS)],
        help_text="How many of the layer's thousand slots it takes in the end.",
    )
    planned_days = models.PositiveSmallIntegerField(
        default=14, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    alpha = models.FloatField(default=0.05, validators=[MinValueValidator(0.001), MaxValueValidator(0.2)])

    audience = models.CharField(max_length=9, choices=Audience.choices, default=Audience.EVERYBODY)
    languages = models.JSONField(default=list, blank=True, help_text="Codes; none: all.")
    devices = models.JSONField(default=list, blank=True, help_text="phone, tablet, desktop; none: all.")
    segments = models.ManyToManyField(Segment, blank=True, related_name="experiments", help_text="None: all.")

    starts_at = models.DateTimeField(null=True, blank=True, help_text="Starts by itself then, if it is ready.")
    stops_at = models.DateTimeField(null=True, blank=True, help_text="Stops by itself then.")
    is_bandit = models.BooleanField(default=False, help_text="Its shares follow the results.")
    floor = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="Per cent of the people that each arm of a bandit keeps, whatever its results.",
    )
    rolls_back = models.BooleanField(
        default=True, help_text="Stops by itself when a guardrail is broken beyond what is tolerated."
    )

    decision = models.CharField(max_length=9, choices=Decision.choices, blank=True)
    decision_reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="experiments_decided"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    shipped = models.ForeignKey("Arm", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    watched_at = models.DateTimeField(null=True, blank=True, help_text="When its guardrails were last looked at.")
    badge = models.CharField(max_length=20, blank=True, help_text="What the figures advised then.")
    measuring_since = models.DateTimeField(
        null=True, blank=True, help_text="When somebody asked for figures that are being computed."
    )

    class Meta:
        ordering = ["-created_at"]
        permissions = [
            ("run_experiment", "Can start experiments, and have them go on"),
            ("stop_experiment", "Can pause, stop and roll back experiments"),
            ("ship_experiment", "Can ship the winner of an experiment"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="draft") | Q(started_at__isnull=False), name="experiment_that_ran_has_started"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_of_holdout(self) -> bool:
        return self.layer_id is None

    @property
    def is_over(self) -> bool:
        return self.state in (self.State.STOPPED, self.State.ARCHIVED)


class Arm(Serving):
    """One of the ways compared. The control is what the others are measured against, usually with nothing changed.

    `shadow_policy` is a guard policy whose verdicts are only counted: nothing that people see depends on it.
    """

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="arms")
    key = models.SlugField(max_length=20)
    name = models.CharField(max_length=80)
    is_control = models.BooleanField(default=False)
    weight = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(100)], help_text="Its share, beside the others'."
    )
    shadow_policy = models.ForeignKey(
        "moderation.PolicyVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-is_control", "key"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "key"], name="arm_key_once_per_experiment"),
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(is_control=True), name="one_control_per_experiment"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.name}"


class Phase(models.Model):
    """A time in which everybody kept their arm, and the arms had the same weights or, of a bandit, those of its `Share`
    rows for people who came later. The next one draws anew."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="phases")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=400, blank=True, help_text="Why the one before was ended.")
    only_new = models.BooleanField(
        default=False, help_text="Of those it is meant for, people who came after its start."
    )

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "number"], name="phase_number_once_per_experiment"),
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(ended_at__isnull=True), name="one_open_phase_per_experiment"
            ),
        ]

    def __str__(self) -> str:
        return f"Phase {self.number}"

    @property
    def salt(self) -> str:
        """What people's arms are drawn by."""
        return f"{self.experiment.key}:{self.number}"

    @property
    def has_past(self) -> bool:
        """Whether the days before somebody came say what they were like untouched: not in later periods of a holdout,
        when the same people have been held out all along."""
        return self.number == 1 or not self.experiment.is_of_holdout


class Allocation(models.Model):
    """The weight an arm has in a phase. Written when the phase begins, and never again."""

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="allocations")
    arm = models.ForeignKey(Arm, on_delete=models.CASCADE, related_name="allocations")
    weight = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["arm__key"]
        constraints = [models.UniqueConstraint(fields=["phase", "arm"], name="one_weight_per_arm_and_phase")]

    def __str__(self) -> str:
        return f"{self.arm_id}: {self.weight}"


class Share(models.Model):
    """The weight that an arm of a bandit has for people who come from a day on, until there is a next one. Before the
    first of them, its allocation. Decided before that day, and never changed.

    `chance` is that of being the best arm, as far as was known then.
    """

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="shares")
    arm = models.ForeignKey(Arm, on_delete=models.CASCADE, related_name="shares")
    first_day = models.DateField(help_text="Of the exposure, in UTC.")
    weight = models.PositiveSmallIntegerField(help_text="Of a thousand.")
    chance = models.FloatField()

    class Meta:
        ordering = ["first_day", "arm__key"]
        constraints = [
            models.UniqueConstraint(fields=["phase", "arm", "first_day"], name="one_share_per_arm_and_period")
        ]

    def __str__(self) -> str:
        return f"{self.arm_id} from {self.first_day}: {self.weight}"


class LayerSlot(models.Model):
    """One slot of a layer, in the hands of one experiment. The constraint is what keeps experiments disjoint."""

    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, related_name="slots")
    number = models.PositiveSmallIntegerField(validators=[MaxValueValidator(SLOTS - 1)])
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="slots")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["layer", "number"], name="slot_in_one_experiment"),
            models.CheckConstraint(condition=Q(number__lt=SLOTS), name="slot_is_one_of_a_thousand"),
        ]

    def __str__(self) -> str:
        return str(self.number)


class RampStep(models.Model):
    """While an experiment ramps up: with so many slots for so many hours, then the next if no guardrail is broken."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="ramp")
    number = models.PositiveSmallIntegerField()
    slots = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(SLOTS)])
    hours = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])
    reached_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["experiment", "number"], name="ramp_step_once")]

    def __str__(self) -> str:
        return f"Step {self.number}"


class ExperimentEvent(models.Model):
    """What happened to an experiment, by whom, and why; nothing of it is ever changed. By nobody: by itself."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="experiment_events"
    )
    reason = models.TextField(blank=True)
    details = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
