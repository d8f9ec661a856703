"""A small server that speaks OpenAI's images API: it draws real PNGs, and errs in the ways that such a server may."""

import base64
import gzip
import json
import select
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

KEY = "image-key"
TOO_LONG = 9 * 2**20


def png(width: int = 64, height: int = 48, *, rgb: tuple[int, int, int] = (201, 120, 58)) -> bytes:
    """A picture of one colour."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes(rgb) * width) * height
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    )


class ImageServer:
    """`with ImageServer() as server:` answers at `server.url`. A prompt that is one of the words below has it err.

    While `is_drawing_allowed` is cleared it draws nothing; `asked` are the bodies of the requests, `was_left` is set
    when somebody gave up waiting.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.is_drawing_allowed = threading.Event()
        self.is_drawing_allowed.set()
        self.was_asked = threading.Event()
        self.was_left = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.images = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_drawing_allowed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer_to(self, prompt: str) -> tuple[int, bytes]:
        """Status and body."""
        found: dict[str, Any] = {"b64_json": base64.b64encode(png()).decode()}
        match prompt:
            case "policy":
                return 400, _json({"error": {"code": "content_policy_violation", "message": f"No {prompt}"}})
            case "moderation":
                return 400, _json({"error": {"code": "moderation_blocked", "message": f"No {prompt}"}})
            case "billing":
                return 400, _json({"error": {"code": "billing_hard_limit_reached"}})
            case "broken":
                return 500, b"<html>a secret of the server</html>"
            case "moved":
                return 302, b""
            case "html":
                return 200, b"<html>"
            case "packed":
                return 200, gzip.compress(_json({"data": [found]}))
            case "list":
                return 200, b"[]"
            case "nothing":
                return 200, _json({"data": []})
            case "text":
                found["b64_json"] = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode()
            case "no base64":
                found["b64_json"] = "%%%"
            case "address":
                found = {"url": f"{self.url}/elsewhere.png"}
            case "large":
                found["b64_json"] = base64.b64encode(png() + b"\0" * (6 * 2**20)).decode()
            case "huge":
                return 200, b" " * TOO_LONG
            case "wide":
                found["b64_json"] = base64.b64encode(png(5000, 1)).decode()
            case "revised":
                found["revised_prompt"] = "something else"
            case "revised at length":
                found["revised_prompt"] = "x" * 9000
            case "revised oddly":
                found["revised_prompt"] = ["x"]
            case "revised brokenly":
                found["revised_prompt"] = "half a pair \ud800"
        return 200, _json({"created": 1, "data": [found]})


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.images.paths.append(self.path)
        self._send(200, png())

    def do_POST(self) -> None:
        images = self.images
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        images.paths.append(self.path)
        images.headers.append(dict(self.headers))
        images.asked.append(body)
        images.was_asked.set()
        while not images.is_drawing_allowed.wait(0.02):
            if select.select([self.connection], [], [], 0)[0]:  # only its end can be read
                images.was_left.set()
                return
        self._send(*images.answer_to(body["prompt"]))

    @property
    def images(self) -> ImageServer:
        images: ImageServer = self.server.images  # type: ignore[attr-defined]
        return images

    def _send(self, status: int, raw: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        if raw.startswith(b"\x1f\x8b"):
            self.send_header("Content-Encoding", "gzip")
        if status == 302:
            self.send_header("Location", "/elsewhere.png")
        self.end_headers()
        try:
            self.wfile.write(raw)
        except (BrokenPipeError, ConnectionResetError):
            self.images.was_left.set()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
