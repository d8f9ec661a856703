"""What stands for the variables of a system prompt: `assistant.prompt_text.VARIABLES`, always in English."""

from collections.abc import Mapping
from datetime import datetime

from django.utils import timezone, translation
from django.utils.formats import date_format


def values(*, at: datetime, language: str, model: str) -> Mapping[str, str]:
    """`at` is the time of the question, told in the active time zone; `language` is a code of `settings.LANGUAGES`."""
    local = timezone.localtime(at)
    with translation.override("en"):
        return {
            "date": date_format(local, "j F Y"),
            "weekday": date_format(local, "l"),
            "language": translation.get_language_info(language)["name"],
            "model": model,
        }
