"""What a page for strangers says to browsers, caches and search engines."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.http.response import HttpResponseBase

from webapp.accounts.middleware import PersonRequest

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
View = Callable[Concatenate[PersonRequest, P], R]


def unlisted(*, has_form: bool = False) -> Callable[[View[P, R]], View[P, R]]:
    """Keep the page out of indexes and caches, and its address out of the pages it leads to."""

    def decorate(view: View[P, R]) -> View[P, R]:
        @wraps(view)
        def with_headers(request: PersonRequest, *args: P.args, **kwargs: P.kwargs) -> R:
            response = view(request, *args, **kwargs)
            response["X-Robots-Tag"] = "noindex, nofollow"
            # Without any referrer a form could not prove that it comes from here.
            response["Referrer-Policy"] = "same-origin" if has_form else "no-referrer"
            response["Cache-Control"] = "private, no-store"
            return response

        return with_headers

    return decorate
