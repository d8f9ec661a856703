"""A page that is open in a browser says nothing more once that browser is logged out, from wherever that was done."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.sessions.models import Session
from django.test import Client

from webapp.accounts.models import User
from webapp.asgi import application

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

DENIED = {"type": "websocket.close", "code": 4401}


@pytest.fixture(autouse=True)
def _hints(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


async def open_page(browser: Client) -> ApplicationCommunicator:
    """The socket of a page, with the cookies of its browser, through everything that stands before the consumer."""
    cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in browser.cookies.items())
    headers = [(b"cookie", cookies.encode()), (b"origin", b"http://localhost"), (b"host", b"localhost")]
    scope = {"type": "websocket", "path": "/ws/chat/", "headers": headers, "query_string": b"", "subprotocols": []}
    page = ApplicationCommunicator(application, scope)
    await page.send_input({"type": "websocket.connect"})
    assert (await page.receive_output(5))["type"] == "websocket.accept"
    assert json.loads((await page.receive_output(5))["text"])["type"] == "hello"
    return page


async def ping(page: ApplicationCommunicator) -> dict[str, Any]:
    await page.send_input({"type": "websocket.receive", "text": json.dumps({"type": "ping"})})
    answer = await page.receive_output(5)
    return {name: answer[name] for name in DENIED if name in answer}


async def close(page: ApplicationCommunicator) -> None:
    await page.send_input({"type": "websocket.disconnect", "code": 1000})
    await page.wait(5)


@pytest.mark.parametrize("how", ["session ended", "account switched off", "password chosen by somebody else"])
async def test_an_open_page_is_closed_with_its_session(member: User, how: str) -> None:
    """Ending a lost phone's session from the list must end what is open on it too."""
    browser = Client()
    await sync_to_async(browser.force_login)(member, backend="django.contrib.auth.backends.ModelBackend")
    page = await open_page(browser)
    assert await ping(page) == {"type": "websocket.send"}
    match how:
        case "session ended":
            await Session.objects.all().adelete()
        case "account switched off":
            await User.objects.filter(pk=member.pk).aupdate(is_active=False)
        case _:
            await User.objects.filter(pk=member.pk).aupdate(must_change_password=True)
    assert await ping(page) == DENIED
    await close(page)


async def test_a_guest_who_deletes_everything_is_gone_from_every_page() -> None:
    browser = Client()
    await sync_to_async(browser.post)("/guest/")
    page = await open_page(browser)
    assert await ping(page) == {"type": "websocket.send"}
    await sync_to_async(browser.post)("/your-data/delete/", {"confirmation": "delete"})
    assert await ping(page) == DENIED
    await close(page)
