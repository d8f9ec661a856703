"""Other model servers: named in the settings, chosen for a turn, and never missed by a person."""

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from asgiref.sync import sync_to_async
from pydantic import SecretStr, ValidationError

from tests.webapp.site_settings import change_settings
from webapp import wiring
from webapp.experiments.models import ProductionChange
from webapp.experiments.services import running_experiments
from webapp.health import _inference
from webapp.settings.environment import Endpoint, Environment

KEY = "a-key-of-the-big-one"


def settings_with(endpoints: str) -> Environment:
    return Environment(SECRET_KEY="x" * 50, CRIA_ENDPOINTS=endpoints)


def test_without_the_setting_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty, as the containers pass on what nobody has set, is without."""
    monkeypatch.setenv("CRIA_ENDPOINTS", "")
    assert Environment(SECRET_KEY="x" * 50).endpoints == {}


def test_a_server_has_an_address_and_perhaps_a_model_and_a_key() -> None:
    big = {"url": "http://gpu-box:8000/v1/", "model": "llama-3-70b", "key": KEY}
    found = settings_with(json.dumps({"big": big, "small": {"url": "https://small"}})).endpoints
    assert found["big"] == Endpoint(url="http://gpu-box:8000", model="llama-3-70b", key=SecretStr(KEY))
    assert (found["small"].model, found["small"].key.get_secret_value()) == ("", "")
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{", "must be one JSON object"),
        ("[]", "valid dictionary"),
        ('{"big": {}}', "Field required"),
        ('{"big": {"url": "gpu-box"}}', "http://"),
        ('{"big": {"url": ""}}', "http://"),
        ('{"big": {"url": "http://gpu-box", "modle": "x"}}', "not permitted"),
        ('{"the big one": {"url": "http://gpu-box"}}', "at most 40 letters"),
    ],
)
def test_what_cannot_be_meant_stops_the_start(value: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        settings_with(value)


class ModelServer(ThreadingHTTPServer):
    """Says which model it serves, to who has the key."""

    def __init__(self, model: str, key: str) -> None:
        self.model, self.key = model, key
        super().__init__(("127.0.0.1", 0), _Models)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Models(BaseHTTPRequestHandler):
    server: ModelServer

    def do_GET(self) -> None:
        is_known = self.headers.get("Authorization") == f"Bearer {self.server.key}"
        answer = json.dumps({"data": [{"id": self.server.model}]}).encode()
        self.send_response(200 if is_known else 401)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *arguments: object) -> None:
        """Not onto the screen."""


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The usual one, and another called big."""
    usual, big = ModelServer("usual-model", "usual-key"), ModelServer("big-model", KEY)
    threads = [threading.Thread(target=server.serve_forever, args=[0.01]) for server in (usual, big)]
    for thread in threads:
        thread.start()
    changed = {
        "inference_url": usual.url,
        "inference_model": "",
        "inference_api_key": SecretStr("usual-key"),
        "endpoints": {
            "big": Endpoint(url=big.url, key=SecretStr(KEY)),
            "named": Endpoint(url=big.url, model="another", key=SecretStr(KEY)),
            "away": Endpoint(url="http://127.0.0.1:1"),
        },
    }
    change_settings(monkeypatch, **changed)
    monkeypatch.setattr("webapp.wiring.cards._cards", {})
    yield
    for server, thread in zip((usual, big), threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize(
    ("endpoint", "model_id"),
    [("", "usual-model"), ("big", "big-model"), ("named", "another"), ("unknown", "usual-model")],
)
async def test_a_turn_goes_to_the_server_it_names(
    endpoint: str, model_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A name that nobody knows goes to the usual one, with a line for whoever looks after it."""
    for _ in range(2):
        async with wiring.turn_services(person_id=uuid.uuid4(), endpoint=endpoint) as services:
            assert (services.model_id, services.model_name) == (model_id, model_id)
    warned = [record for record in caplog.records if record.message == "endpoint_unknown"]
    assert bool(warned) is (endpoint == "unknown")


@pytest.mark.usefixtures("servers")
def test_people_are_told_of_the_model_that_answers_them() -> None:
    assert [wiring.model_card(name).id for name in ("", "big", "", "unknown")] == [
        *("usual-model", "big-model", "usual-model", "usual-model")
    ]
    assert wiring.model_card("away").name == "The model"


def test_no_page_waits_for_a_server_that_keeps_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection, and that is all. The next page does not even ask."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = Endpoint(url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        change_settings(monkeypatch, endpoints={"silent": endpoint})
        monkeypatch.setattr("webapp.wiring.cards.CARD_WITHIN_S", 0.1)
        assert [wiring.model_card("silent").name for _ in range(2)] == ["The model"] * 2
        silent.accept()[0].close()
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("servers")
async def test_ready_is_who_reaches_the_server_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    is_ready = wiring.inference_is_ready

    async def ready(endpoint: str = "") -> bool:
        asked.append(endpoint)
        return await is_ready(endpoint)

    monkeypatch.setattr(wiring, "inference_is_ready", ready)
    await ProductionChange.objects.acreate(reason="Bigger", endpoint="away")
    await sync_to_async(running_experiments.forget)()
    assert await _inference() is False
    assert asked == ["away"]
