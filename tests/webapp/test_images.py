"""Pictures from a real small server: what comes is a picture or an error by name, and nothing else is fetched."""

import asyncio
import base64
import logging
import struct
import time
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from pydantic import ValidationError

from assistant.errors import NotAPicture, PictureFailed, PictureRefused, PictureTooLarge
from assistant.tools.kit.pictures import GUARD_TIMEOUT_S
from assistant.tools.registry import tools_for
from assistant.tools.toolbox import MAX_TRIES
from tests.assistant.tools.test_detectors import SERVICES
from tests.image_server import KEY, ImageServer, png
from tests.webapp.site_settings import change_settings
from webapp.images import MAX_ANSWER_BYTES, MAX_PICTURE_BYTES, TIMEOUT_S, OpenAIImages
from webapp.picture_headers import MAX_SIDE, Header, header_of
from webapp.settings.environment import Environment

DOT_VP8 = base64.b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
DOT_VP8L = base64.b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
DOT_VP8X = base64.b64decode(
    "UklGRkoAAABXRUJQVlA4WAoAAAAQAAAAAAAAAAAAQUxQSAwAAAARBxAR/Q9ERP8DAABWUDggGAAAABQBAJ0BKgEAAQAAAP4AAA3AAP7mtQAAAA=="
)
JFIF = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
FRAME = b"\xff\xc2\x00\x11\x08" + struct.pack(">HH", 480, 640) + b"\x03" + b"\0" * 9


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with ImageServer() as server:
        yield server


def images(server: ImageServer, *, model: str = "dall-e-3", timeout_s: float = 10.0) -> OpenAIImages:
    return OpenAIImages(server.url, model=model, api_key=KEY, size="1024x1024", timeout_s=timeout_s)


async def test_a_picture_comes_with_its_kind_and_its_sides(server: ImageServer) -> None:
    """Whatever size was asked for: the page reserves the room that the picture takes."""
    drawn = await images(server).draw("a llama")
    assert (drawn.content, drawn.media_type, drawn.width, drawn.height, drawn.revised) == (
        *(png(), "image/png", 64, 48),
        "",
    )
    assert server.paths == ["/v1/images/generations"]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert server.headers[0]["Accept-Encoding"] == "identity", "what is unpacked has no size that is known before"
    wanted = {"model": "dall-e-3", "prompt": "a llama", "n": 1, "size": "1024x1024", "response_format": "b64_json"}
    assert server.asked == [wanted]


async def test_models_that_refuse_to_be_asked_for_base64_are_not(server: ImageServer) -> None:
    """And where no model is named the server chooses one."""
    await images(server, model="gpt-image-1").draw("a llama")
    await images(server, model="").draw("a llama")
    assert [("model" in body, "response_format" in body) for body in server.asked] == [(True, False), (False, True)]


async def test_what_it_was_really_drawn_from_comes_along(server: ImageServer) -> None:
    assert (await images(server).draw("revised")).revised == "something else"


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("policy", PictureRefused),
        ("moderation", PictureRefused),
        ("billing", PictureFailed),
        ("broken", PictureFailed),
        ("moved", PictureFailed),
        ("html", NotAPicture),
        ("packed", NotAPicture),
        ("list", NotAPicture),
        ("nothing", NotAPicture),
        ("text", NotAPicture),
        ("no base64", NotAPicture),
        ("address", NotAPicture),
        ("wide", NotAPicture),
        ("revised at length", NotAPicture),
        ("revised oddly", NotAPicture),
        ("revised brokenly", NotAPicture),
        ("large", PictureTooLarge),
        ("huge", PictureTooLarge),
    ],
)
async def test_every_other_answer_is_an_error_by_name(
    server: ImageServer, prompt: str, error: type[PictureFailed], caplog: pytest.LogCaptureFixture
) -> None:
    """No address that it names is followed, and no log line has the words or what the server says of them."""
    with caplog.at_level(logging.WARNING), pytest.raises(PictureFailed) as raised:
        await images(server).draw(prompt)
    assert type(raised.value) is error
    assert server.paths == ["/v1/images/generations"]
    (line,) = [record for record in caplog.records if record.message == "picture_failed"]
    assert "No " not in str(line.__dict__) and "secret" not in str(line.__dict__)


def test_no_answer_is_read_beyond_its_limit() -> None:
    """The largest picture fits as text, and not much more."""
    assert MAX_PICTURE_BYTES * 4 / 3 < MAX_ANSWER_BYTES < MAX_PICTURE_BYTES * 1.5


async def test_a_server_that_is_away_or_too_slow_fails(server: ImageServer) -> None:
    server.is_drawing_allowed.clear()
    with pytest.raises(PictureFailed):
        await images(server, timeout_s=0.1).draw("a llama")
    away = OpenAIImages("http://127.0.0.1:1", model="", api_key="", size="auto")
    with pytest.raises(PictureFailed):
        await away.draw("a llama")


async def test_who_stops_waiting_ends_the_request(server: ImageServer) -> None:
    """A stop costs the operator nothing more than was drawn by then."""
    server.is_drawing_allowed.clear()
    drawing = asyncio.create_task(images(server).draw("a llama"))
    assert await asyncio.to_thread(server.was_asked.wait, 10)
    drawing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing
    assert await asyncio.to_thread(server.was_left.wait, 10)


@pytest.mark.parametrize(
    ("content", "header"),
    [
        (png(3, 2), Header("image/png", 3, 2)),
        (JFIF + FRAME, Header("image/jpeg", 640, 480)),
        (JFIF + b"\xff" + FRAME, Header("image/jpeg", 640, 480)),
        (JFIF + b"\xff\xc4\x00\x05abc" + FRAME, Header("image/jpeg", 640, 480)),
        (DOT_VP8, Header("image/webp", 1, 1)),
        (DOT_VP8L, Header("image/webp", 1, 1)),
        (DOT_VP8X, Header("image/webp", 1, 1)),
    ],
)
def test_a_picture_is_told_by_its_first_bytes(content: bytes, header: Header) -> None:
    assert header_of(content) == header


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + b"\x01\x00" * 9,
        b"<svg/>",
        b"<html><script>alert(1)</script>",
        png(3, 2)[:18],
        png(MAX_SIDE + 1, 1),
        JFIF,
        JFIF + b"\xff\xda" + FRAME,
        JFIF + b"\xff\xe1\xff\xff",
        DOT_VP8[:24],
        DOT_VP8L[:20],
        DOT_VP8X[:26],
        DOT_VP8[:12] + b"ABCD" + DOT_VP8[16:],
    ],
)
def test_nothing_else_is_one(content: bytes) -> None:
    """Nor what would unpack into more than a browser can bear."""
    assert header_of(content) is None


def test_a_header_is_read_in_no_time() -> None:
    """A file of segments that say they are empty is gone through once and not over and over."""
    begun = time.process_time()
    assert header_of(JFIF + b"\xff\xe1\x00\x00" * 100_000) is None
    assert time.process_time() - begun < 1


def test_a_turn_has_time_for_every_try() -> None:
    """A picture that comes late fails by itself, with words for the person, before its tool and its turn do."""
    (tool,) = (tool for tool in tools_for(SERVICES) if tool.name == "draw_picture")
    assert tool.timeout_s > TIMEOUT_S + GUARD_TIMEOUT_S
    assert MAX_TRIES * tool.timeout_s < settings.TURNS.deadline_s / 2


@pytest.mark.parametrize("size", ["large", "0x0", "1024", "1024x1024;"])
def test_a_size_that_is_none_stops_the_start(size: str) -> None:
    with pytest.raises(ValidationError, match="CRIA_IMAGE_SIZE"):
        Environment(CRIA_IMAGE_SIZE=size)


def test_the_address_may_end_as_those_of_other_servers_may() -> None:
    """In one setting as in another."""
    assert Environment(CRIA_IMAGE_URL="http://gpu-box:8000/v1/").image_url == "http://gpu-box:8000"


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["", "http://127.0.0.1:8888"])
def test_pages_say_that_pictures_are_drawn_only_where_they_are(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that nobody checks what they show."""
    change_settings(monkeypatch, image_url=address)
    for path, words in (("/about/", "nobody checks what the picture shows"), ("/safety/", "checked by nobody")):
        assert (words in Client().get(path).content.decode()) is bool(address)
