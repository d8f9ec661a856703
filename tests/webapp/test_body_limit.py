"""Nobody fills the disk with a request that never ends."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.testing import ApplicationCommunicator

from webapp.asgi import application
from webapp.body_limit import BY_PATH, MAX_BODY_BYTES, BodyLimit
from webapp.library.reading.kinds import MAX_FILE_BYTES

Scope = dict[str, Any]


def scope(*headers: tuple[bytes, bytes]) -> Scope:
    return {
        "type": "http",
        "method": "POST",
        "path": "/import/",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), *headers],
    }


async def test_a_body_that_says_it_is_too_large_is_refused_unread() -> None:
    """By the real application, before a byte of it was sent."""
    site = ApplicationCommunicator(application, scope((b"content-length", str(MAX_BODY_BYTES + 1).encode())))
    assert (await site.receive_output(5))["status"] == 413


async def test_an_upload_has_a_limit_of_its_own() -> None:
    """A document may have 20 MB; what is far above that is not stored to be refused."""
    length = (b"content-length", b"30000000")
    site = ApplicationCommunicator(application, {**scope(length), "path": "/library/add/"})
    assert (await site.receive_output(5))["status"] == 413
    assert MAX_FILE_BYTES < BY_PATH["/library/add/"] < 30_000_000


async def test_a_body_that_does_not_say_how_large_it_is_is_counted() -> None:
    """What stands behind is told that the other side is gone, and stops storing."""
    heard: list[str] = []

    async def site(_scope: Scope, receive: Callable[[], Awaitable[Scope]], _send: object) -> None:
        while not heard or heard[-1] != "http.disconnect":
            heard.append((await receive())["type"])

    limited = ApplicationCommunicator(BodyLimit(site, max_bytes=25), scope())
    for _ in range(3):
        await limited.send_input({"type": "http.request", "body": b"x" * 10, "more_body": True})
    await limited.wait(5)
    assert heard == ["http.request", "http.request", "http.disconnect"]
