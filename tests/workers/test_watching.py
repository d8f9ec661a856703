"""What pages are told of a model that keeps silent, with a server that does."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.test import Client
from django.utils import timezone

from tests.webapp.site_settings import change_settings
from webapp.chat import hints
from webapp.chat.services.absence import absence
from workers import watching

pytestmark = pytest.mark.django_db(transaction=True)


class Model(BaseHTTPRequestHandler):
    """One server for the chat and the embedded guard."""

    is_there = True

    def do_GET(self) -> None:
        self.send_response(200 if self.is_there else 503)
        self.end_headers()
        self.wfile.write(b'{"data": [{"id": "m"}], "status": "ready"}')

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Model]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    changed = {"inference_url": url, "encoders_url": url, "guard": "embedded", "guard_unavailable": "closed"}
    change_settings(monkeypatch, **changed)
    Model.is_there = True
    yield Model
    server.shutdown()
    server.server_close()
    thread.join()


def test_everybody_is_told_while_it_lasts_and_when_it_is_over(
    model: type[Model], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Not of a short pause, not at every look, and not by a watch that has died."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    layer = get_channel_layer()
    async_to_sync(layer.group_add)(hints.EVERYBODY, "a-page")
    at, watch = timezone.now(), watching.ModelWatch()
    monkeypatch.setattr(timezone, "now", lambda: at)
    monkeypatch.setattr(time, "monotonic", lambda: at.timestamp())

    def look_after(seconds: float) -> list[Any]:
        """What pages are told by a look so much later."""
        nonlocal at
        at += timedelta(seconds=seconds)
        watch.look()
        told = []
        while layer.channels.get("a-page") and not layer.channels["a-page"].empty():
            told.append(async_to_sync(layer.receive)("a-page")["hint"]["away"])
        return told

    assert absence() is None
    assert look_after(0) == []
    model.is_there = False
    assert look_after(4) == []
    assert look_after(4) == [{"for_s": 8}]
    assert look_after(4) == []
    for _ in range(6):
        look_after(10)
    assert look_after(0) == []
    assert Client().get("/model/").json() == {"away": {"for_s": 72}}
    assert b'data-for-s="72"' in Client().get("/").content
    model.is_there = True
    assert look_after(2) == [None]
    assert look_after(2) == []
    model.is_there = False
    look_after(9)
    at += timedelta(seconds=16)
    assert absence() is None
    assert look_after(0) == [{"for_s": None}], "the watch was silent itself: nobody knows since when"
    look_after(10)
    assert absence() == {"for_s": None}
