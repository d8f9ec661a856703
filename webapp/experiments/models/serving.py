"""How answers are made: what an arm may change, and what is in production."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from webapp.experiments.models.prompts import PromptVersion


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
    endpoint = models.SlugField(
        max_length=40, blank=True, help_text="Which model server answers: a name in CRIA_ENDPOINTS."
    )
    starters = models.ForeignKey(StarterSet, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True


class ProductionChange(Serving):
    """What is in production besides the prompt, which the label `production` points to. The newest row is in force."""

    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="production_changes"
    )
    reason = models.CharField(max_length=400)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"Production change {self.pk}"
