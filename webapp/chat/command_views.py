"""What a page without a websocket says: one command of the protocol, and in the answer what it is told of it."""

from collections.abc import Mapping
from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_POST

from webapp.accounts.middleware import PersonRequest
from webapp.chat.carrying_out import carry_out


@require_POST
def command(request: PersonRequest) -> HttpResponseBase:
    """The same commands as on the socket, but for `subscribe` and `unsubscribe`; 401 for nobody."""
    if request.person is None:
        return HttpResponse(status=401)
    told: list[Mapping[str, Any]] = []

    async def tell(message: Mapping[str, Any]) -> None:
        told.append(message)

    async_to_sync(carry_out)(request.body.decode("utf-8", "replace"), request.person, tell)
    return JsonResponse(told, safe=False)
