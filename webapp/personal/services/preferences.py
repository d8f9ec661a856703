"""How Cria looks to a person and speaks with them. No row means the defaults."""

from django.utils.translation import get_language_info

from webapp.accounts.models import User
from webapp.personal.models import Preferences

MAX_INSTRUCTION_CHARS = 1_500
ANSWER_LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "it", "nl", "pl", "pt", "th", "tr")
"""In which answers can be asked for: more than the interface has."""


def preferences_of(person: User | None) -> Preferences:
    """What this person chose; the defaults, not stored, for nobody and for somebody who chose nothing."""
    if person is None:
        return Preferences()
    try:
        return person.preferences
    except Preferences.DoesNotExist:
        return Preferences(person=person)


def change(person: User, **choices: str | bool | dict[str, str]) -> Preferences:
    """Store these choices and leave the others as they are, whatever another tab does at the same time."""
    preferences, _is_new = Preferences.objects.update_or_create(person=person, defaults=choices)
    return preferences


def own_name(language: str) -> str:
    """What a language calls itself: "de" is "Deutsch"."""
    return str(get_language_info(language)["name_local"])
