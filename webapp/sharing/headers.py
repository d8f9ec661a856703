"""What a page for strangers says to browsers, caches and search engines."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpResponse

from webapp.accounts.middleware import PersonRequest

P = ParamSpec("P")
View = Callable[Concatenate[PersonRequest, P], HttpResponse]


def unlisted(*, has_form: bool = False) -> Callable[[View[P]], View[P]]:
    """Keep the page out of indexes and caches, and its address out of the pages it leads to."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def with_headers(request: PersonRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            response = view(request, *args, **kwargs)
            response["X-Robots-Tag"] = "noindex, nofollow"
            # Without any referrer a form could not prove that it comes from here.
            response["Referrer-Policy"] = "same-origin" if has_form else "no-referrer"
            response["Cache-Control"] = "private, no-store"
            return response

        return with_headers

    return decorate
