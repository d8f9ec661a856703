"""What a browser says of the device it runs on."""

from collections.abc import Mapping
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from hypothesis import given
from hypothesis import strategies as st

from webapp.accounts.models import User
from webapp.accounts.services.device import device_of, remember_device
from webapp.chat.consumers import ChatConsumer

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari", "phone"),
        ("Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari", "tablet"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36", "phone"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Safari/537.36", "tablet"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0", "phone"),
        ("Mozilla/5.0 (Android 15; Tablet; rv:144.0) Gecko/144.0 Firefox/144.0", "tablet"),
        (f"Mozilla/5.0 (Linux; Android 11; KFTRWI) {CHROME} Silk/141.2 like Chrome Safari/537.36", "tablet"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", "desktop"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.6 Safari", "desktop"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36", "desktop"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", "desktop"),
        ("", ""),
    ],
)
def test_the_user_agent_says_it(agent: str, device: str) -> None:
    assert device_of({"user-agent": agent}) == device


@pytest.mark.parametrize(
    ("hints", "device"),
    [
        ({"sec-ch-ua-mobile": "?1", "sec-ch-ua-platform": '"Android"'}, "phone"),
        ({"sec-ch-ua-mobile": "?0", "sec-ch-ua-platform": '"Android"'}, "tablet"),
        ({"sec-ch-ua-mobile": "?0", "sec-ch-ua-platform": '"Windows"'}, "desktop"),
    ],
)
def test_hints_say_it_where_the_user_agent_is_frozen(hints: Mapping[str, str], device: str) -> None:
    """Browsers send less and less in it."""
    assert device_of({"user-agent": f"Mozilla/5.0 (X11; Linux x86_64) {CHROME}", **hints}) == device


@given(st.dictionaries(st.sampled_from(["user-agent", "sec-ch-ua-mobile", "sec-ch-ua-platform"]), st.text()))
def test_any_headers_are_read(headers: dict[str, str]) -> None:
    """Whatever a client sends."""
    assert device_of(headers) in {"phone", "tablet", "desktop", ""}


def test_it_is_kept_and_only_changes_for_another(db: None) -> None:
    """A browser that says nothing does not wipe what was known."""
    person = User.objects.create_user("ada")
    remember_device(person, {"user-agent": "An iPhone"})
    remember_device(person, {})
    assert User.objects.get().device == "phone"
    remember_device(person, {"user-agent": "An iPad"})
    assert User.objects.get().device == "tablet"


@pytest.mark.django_db(transaction=True)
async def test_the_chat_notes_it_when_its_page_connects(person: User, redis: object, settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    headers = [(b"user-agent", b"An iPhone"), (b"accept-language", b"de")]
    scope = {"type": "websocket", "path": "/ws/chat/", "headers": headers, "subprotocols": [], "person": person}
    socket = ApplicationCommunicator(ChatConsumer.as_asgi(), scope)
    await socket.send_input({"type": "websocket.connect"})
    for _ in ("accept", "hello"):
        await socket.receive_output(5)
    noted = await User.objects.aget(pk=person.pk)
    assert (noted.device, noted.language) == ("phone", "de")
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait(5)
