"""Speaks to each person in the language they chose, and tells the time as the clock on their wall does."""

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation

from webapp.accounts.middleware import PersonRequest
from webapp.accounts.models import User
from webapp.accounts.services.clock import COOKIE, zone_named, zone_of
from webapp.accounts.services.language import language_of
from webapp.personal.services.preferences import preferences_of


class LanguageMiddleware:
    """Stands after PersonMiddleware and LocaleMiddleware. That one goes by the browser, and who chose no language stays
    with what the browser says now."""

    FOR_PROGRAMS = frozenset({"/healthz", "/readyz"})

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path not in self.FOR_PROGRAMS:
            self._speak_to(cast(PersonRequest, request).person, request)
        return self.get_response(request)

    @staticmethod
    def _speak_to(person: User | None, request: HttpRequest) -> None:
        if preferences_of(person).language:
            language = language_of(person)
            translation.activate(language)
            request.LANGUAGE_CODE = language


class ClockMiddleware:
    """Stands after PersonMiddleware. The zone stays until the next request, as a file that is streamed needs it.

    The administration and its reports go by the site's clock: who works together reads the same one.
    """

    BY_THE_SITE = ("/admin/", "/reports/", *LanguageMiddleware.FOR_PROGRAMS)

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        zone = None
        if not request.path.startswith(self.BY_THE_SITE):
            zone = zone_named(request.COOKIES.get(COOKIE, "")) or zone_of(cast(PersonRequest, request).person)
        if zone is None:
            timezone.deactivate()
        else:
            timezone.activate(zone)
        return self.get_response(request)
