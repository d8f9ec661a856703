"""Who may open the socket: pages of this site. A page elsewhere would talk with the cookies of whoever looks at it."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.test import Client

from webapp.accounts.models import User
from webapp.asgi import application

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def _hints(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


def cookie_of(person: User) -> str:
    browser = Client()
    browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return f"sessionid={browser.cookies['sessionid'].value}"


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        ("http://localhost", True),
        ("http://localhost:8000", True),
        ("https://elsewhere.example", False),
        ("http://localhost.elsewhere.example", False),
        ("null", False),
        ("", False),
    ],
)
async def test_only_our_own_pages_open_it(person: User, origin: str, may: bool) -> None:
    """The whole application is asked, as the server asks it, with the cookie of somebody who is logged in."""
    cookie = await sync_to_async(cookie_of)(person)
    headers = [(b"cookie", cookie.encode()), *([(b"origin", origin.encode())] if origin else [])]
    scope = {"type": "websocket", "path": "/ws/chat/", "query_string": b"", "headers": headers, "subprotocols": []}
    socket = ApplicationCommunicator(application, scope)
    await socket.send_input({"type": "websocket.connect"})
    answer = await socket.receive_output(timeout=5)
    assert answer["type"] == ("websocket.accept" if may else "websocket.close")
    if may:
        assert "hello" in (await socket.receive_output(timeout=5))["text"]
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait(timeout=5)
