"""Who is behind a request, and what they have to do first."""

from collections.abc import Awaitable, Callable
from functools import cache, cached_property
from typing import Any

from channels.db import database_sync_to_async
from channels.middleware import BaseMiddleware
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import patch_cache_control

from webapp.accounts.models import User
from webapp.accounts.services.guests import person_behind
from webapp.accounts.services.visits import note_session, note_visit

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class PersonRequest(HttpRequest):
    """A request that knows its person: the logged-in user, else the guest of this browser, else None."""

    @cached_property
    def person(self) -> User | None:
        person = person_behind(self.session, self.user)
        if person is not None and note_visit(person):
            self.session.modified = True  # a session that is used does not run out
        if person is not None and not person.is_guest:
            note_session(self)
        return person


@cache
def _with_person(kind: type[HttpRequest]) -> type[PersonRequest]:
    return type(f"{kind.__name__}WithPerson", (PersonRequest, kind), {})


class PersonMiddleware:
    """Gives each request its `person`, looked up when first asked for, and keeps what they get out of shared caches.

    The request's class is extended because a lazy proxy in an attribute would never be `None`.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.__class__ = _with_person(type(request))  # type: ignore[arg-type]  # a class is hashable
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_cache=True)
        return response


class PersonScopeMiddleware(BaseMiddleware):
    """Puts the same person into `scope["person"]` of a socket. Stands inside AuthMiddlewareStack."""

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> Any:
        person = await database_sync_to_async(person_behind)(scope["session"], scope["user"])
        return await self.inner({**scope, "person": person}, receive, send)


class PasswordChangeMiddleware:
    """Keeps the site closed to somebody whose password was chosen for them, until they choose another.

    Until then somebody else could read along.
    """

    OPEN_PAGES = frozenset({"login", "logout", "password_change", "password_change_done", "jsi18n"})
    OPEN_TO_PEOPLE = frozenset(
        {"account_change_password", "account_logout", "jsi18n", "set_language", "healthz", "readyz", "choose_theme"}
    )

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponseBase | None:
        page = request.resolver_match
        is_admin = page is not None and "admin" in page.app_names
        if page is None or page.url_name in (self.OPEN_PAGES if is_admin else self.OPEN_TO_PEOPLE):
            return None
        if getattr(request.user, "must_change_password", False):
            return HttpResponseRedirect(reverse("admin:password_change" if is_admin else "account_change_password"))
        return None
