"""How answers are made: what an arm may change, and what is in production."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from webapp.experiments.models.prompts import PromptVersion
from webapp.experiments.models.versions import Approval, Version

NUMBERS = (
    *("temperature", "top_p", "max_reply_tokens"),
    *("num_passages", "passage_tokens", "min_similarity", "similarity_to_best", "passages_per_document"),
)
ANSWERING = (*NUMBERS, "endpoint")
"""What an answer is made with, besides the prompt."""

SETTINGS = (*ANSWERING, "starters")
"""All of a row of serving but the prompt."""


class StarterSet(models.Model):
    """Ideas to begin with that take the place of the built-in ones. Written once; other ideas are another set.

    `ideas` maps a language to the four jobs of `webapp.chat.starters.IDEAS`, each with pairs of title and prompt. A
    language that is not there gets the built-in ideas.
    """

    name = models.CharField(max_length=80, unique=True)
    ideas = models.JSONField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="starter_sets"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Serving(models.Model):
    """What can differ between two answers to the same words. Empty: as it is without this row."""

    prompt = models.ForeignKey(PromptVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    temperature = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.0), MaxValueValidator(2.0)], help_text="0 to 2."
    )
    top_p = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.01), MaxValueValidator(1.0)], help_text="0.01 to 1."
    )
    max_reply_tokens = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(16), MaxValueValidator(8192)], help_text="16 to 8192."
    )
    num_passages = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(20)], help_text="Passages of the library; 0 to 20."
    )
    passage_tokens = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(16), MaxValueValidator(8192)],
        help_text="Room for passages in the prompt, in tokens; never more than a third of what is left.",
    )
    min_similarity = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.1), MaxValueValidator(1.0)],
        help_text="Below this cosine no passage is near enough; 0.1 to 1.",
    )
    similarity_to_best = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="How near a passage is at least, as a share of the nearest one; 0 to 1.",
    )
    passages_per_document = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(20)], help_text="1 to 20."
    )
    endpoint = models.SlugField(
        max_length=40, blank=True, help_text="Which model server answers: a name in CRIA_ENDPOINTS."
    )
    starters = models.ForeignKey(StarterSet, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True


class SettingsVersion(Version, Serving):
    """All that is set of answers besides the prompt, as somebody wrote it down for everybody. What is empty in it is as
    the site's settings have it."""

    subject = "settings"

    class Meta(Version.Meta):
        permissions = [
            ("approve_settingsversion", "Can approve settings for production"),
            ("put_settingsversion", "Can put settings into production"),
        ]

    def __str__(self) -> str:
        return f"Settings {self.number}"


class SettingsApproval(Approval):
    version = models.ForeignKey(SettingsVersion, on_delete=models.CASCADE, related_name="approvals")


class ProductionChange(Serving):
    """What is in production besides the prompt, which the label `production` points to. The newest row is in force.

    It is what a `version` says, or what an experiment has shipped, or what was there before.
    """

    version = models.ForeignKey(
        SettingsVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="changes"
    )
    is_rollback = models.BooleanField(default=False, help_text="Production went back to what it was before.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="production_changes"
    )
    reason = models.CharField(max_length=400)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        permissions = [("roll_back_production", "Can put back what was in production before")]

    def __str__(self) -> str:
        return f"Production change {self.pk}"
