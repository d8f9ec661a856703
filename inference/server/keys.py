"""Who may call: bearer tokens, as OpenAI's clients send them."""

import hashlib
import hmac
from collections.abc import Sequence

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from inference.server.frames import error_response

OPEN_PATHS = ("/health", "/metrics")


class ApiKeys:
    """Lets a request through only with one of `keys`; health and metrics are open to whoever reaches the address."""

    def __init__(self, app: ASGIApp, *, keys: Sequence[str]) -> None:
        self._app = app
        self._expected = [_digest(f"Bearer {key}".encode()) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(OPEN_PATHS):
            given = _digest(dict(scope["headers"]).get(b"authorization", b""))
            # All are compared, and digests have one length: the time it takes says nothing about any key.
            matching = [number for number, key in enumerate(self._expected) if hmac.compare_digest(given, key)]
            if not matching:
                refusal = error_response(401, "The API key is missing or wrong.", code="invalid_api_key")
                await refusal(scope, receive, send)
                return
            if len(self._expected) > 1:
                scope.setdefault("state", {})["key_number"] = matching[0]
        await self._app(scope, receive, send)


def caller_prefix(request: Request) -> str:
    """What tells the users of one key from those of another; empty where there is one key at most."""
    number = getattr(request.state, "key_number", None)
    return "" if number is None else f"key{number}:"


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
