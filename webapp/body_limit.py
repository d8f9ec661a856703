"""A request must end somewhere: Django stores its whole body before any view can refuse it, whoever sends it.

Above what a page of ours accepts, so that a file that is only too large still gets its refusal in words.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

MAX_BODY_BYTES = 200 * 1024 * 1024
BY_PATH = {"/library/add/": 25 * 1024 * 1024}  # one file of 20 MB, and one that is a little too large

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[Any]]


class BodyLimit:
    """Stands before the HTTP application. Answers 413 to a length that is too great, and hangs up on a body that is."""

    def __init__(
        self, application: Application, max_bytes: int = MAX_BODY_BYTES, by_path: Mapping[str, int] = BY_PATH
    ) -> None:
        self._application = application
        self._max_bytes = max_bytes
        self._by_path = by_path

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        max_bytes = self._by_path.get(scope["path"], self._max_bytes)
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) > max_bytes:
            await send({"type": "http.response.start", "status": 413, "headers": [(b"connection", b"close")]})
            await send({"type": "http.response.body"})
            return
        left = max_bytes

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            return message if left >= 0 else {"type": "http.disconnect"}

        await self._application(scope, counted, send)
