"""What the pages of the chat say where a temporary one cannot be read."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from webapp.chat.errors import Ended, TemporaryAway

TRY_AGAIN_S = 5


class TemporaryChatMiddleware:
    """Answers for every view that meets one which has ended, or whose key cannot be reached."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Ended):
            return render(request, "chat/ended.html", status=404)
        if isinstance(exception, TemporaryAway):
            return HttpResponse(
                exception.user_text, status=503, content_type="text/plain", headers={"Retry-After": str(TRY_AGAIN_S)}
            )
        return None
