"""Which language somebody reads: the one they chose, else the one their browser asked for, else the site's."""

from django.conf import settings
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

from webapp.accounts.models import User


def language_of(person: User | None) -> str:
    """A code of `settings.LANGUAGES`, to be given to `django.utils.translation.override`."""
    chosen = getattr(getattr(person, "preferences", None), "language", "") if person else ""
    return _supported(chosen) or _supported(person.language if person else "") or settings.LANGUAGE_CODE


def remember_language(person: User, accept_language: str) -> None:
    """Keep the first language of an Accept-Language header that Cria speaks, if there is one."""
    asked = (_supported(code) for code, _quality in parse_accept_lang_header(accept_language))
    language = next(filter(None, asked), "")
    if language and language != person.language:
        person.language = language
        User.objects.filter(pk=person.pk).update(language=language)


def _supported(code: str) -> str:
    try:
        return get_supported_language_variant(code) if code and code != "*" else ""
    except LookupError:
        return ""
