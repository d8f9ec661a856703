"""The administration's own content security policy."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class AdminPolicyMiddleware:
    """Gives the pages of the administration the policy their scripts need, and no other page.

    Stands below `csp.middleware.CSPMiddleware`, which writes the header from what is left here on the response.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        page = request.resolver_match
        if page is not None and "admin" in page.app_names:
            response._csp_replace = settings.ADMIN_CONTENT_SECURITY_POLICY  # type: ignore[attr-defined]
        return response
