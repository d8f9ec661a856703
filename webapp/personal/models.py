"""What a person has told the assistant to be like, and what it remembers about them."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.personal.keys import bindings


class Preferences(models.Model):
    """How Cria looks to one person and speaks with them. Guests have them too; no row means the defaults."""

    class Theme(models.TextChoices):
        SYSTEM = "system", _("System")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    class TextSize(models.TextChoices):
        SMALL = "small", _("Small")
        NORMAL = "normal", _("Normal")
        LARGE = "large", _("Large")
        LARGEST = "largest", _("Very large")

    class Tone(models.TextChoices):
        DEFAULT = "default", _("Friendly")
        CONCISE = "concise", _("Short and to the point")
        FORMAL = "formal", _("Formal")
        ENCOURAGING = "encouraging", _("Encouraging")
        PLAYFUL = "playful", _("Playful")

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="preferences"
    )
    language = models.CharField(max_length=8, blank=True, help_text="Of the interface; empty is what the browser says.")
    theme = models.CharField(max_length=6, choices=Theme.choices, default=Theme.SYSTEM)
    text_size = models.CharField(max_length=7, choices=TextSize.choices, default=TextSize.NORMAL)
    shortcuts = models.BooleanField(default=True, help_text="Whether keyboard shortcuts work.")
    keys = models.JSONField(default=dict, blank=True, help_text="Keys of shortcuts that are not the usual ones.")
    tone = models.CharField(max_length=11, choices=Tone.choices, default=Tone.DEFAULT)
    answer_language = models.CharField(max_length=8, blank=True, help_text="Of answers; empty is that of the question.")
    about_me = models.TextField(blank=True)
    answer_style = models.TextField(blank=True)
    uses_instructions = models.BooleanField(default=True)
    uses_memory = models.BooleanField(default=True)
    summarises_chats = models.BooleanField(
        default=True, help_text="Whether earlier turns of long chats are summarised."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"Preferences of {self.person_id}"

    @property
    def bindings(self) -> dict[str, str]:
        """The keys of every shortcut, by its name."""
        return bindings(self.keys)


class Memory(models.Model):
    """One thing the assistant remembers about a person. They see, change and delete each of them."""

    class Source(models.TextChoices):
        PERSON = "person", _("You wrote it")
        CHAT = "chat", _("From a chat")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memories")
    text = models.CharField(max_length=300)
    source = models.CharField(max_length=6, choices=Source.choices, default=Source.PERSON)
    message = models.ForeignKey(
        "chat.Message", null=True, blank=True, on_delete=models.SET_NULL, related_name="memories"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "memories"

    def __str__(self) -> str:
        return f"Memory {self.id}"
