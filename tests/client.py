"""A browser's share of the protocol, for tests and benchmarks: a guest, a socket that reconnects, a page that shows."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Origin

from webapp.chat.cursor import Cursor

FINAL = {"done", "cancelled", "blocked", "failed"}
RETRY_S = 0.25


@dataclass
class Page:
    """What a reader shows of one reply: the snapshot, then the events, as `static/js/reply.js` applies them.

    `history` has every look of the answer with its time (monotonic seconds); `resets` counts the snapshots.
    """

    blocks: list[str] = field(default_factory=list)
    tail: str = ""
    state: str = "queued"
    error: dict[str, Any] | None = None
    citations: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    code_reports: list[dict[str, Any]] = field(default_factory=list)
    cursor: Cursor | None = None
    resets: int = 0
    history: list[tuple[float, str]] = field(default_factory=list)

    @property
    def shown(self) -> str:
        return "".join(self.blocks) + self.tail

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    def apply(self, event: dict[str, Any]) -> None:
        self.cursor = Cursor.parse(event["cursor"])
        match event["type"]:
            case "snapshot":
                self.resets += 1
                self.blocks, self.tail, self.state = list(event["blocks"]), event["tail"] or "", event["state"]
                self.citations, self.error = list(event["citations"]), event["error"]
                self.notices, self.code_reports = event["notices"], event["code_reports"]
            case "citation":
                self.citations.append(event)
            case "block":
                assert event["index"] == len(self.blocks), "a block came twice or one is missing"
                self.blocks.append(event["html"])
                self.tail = event["rest"]
            case "tail":
                assert event["index"] == len(self.blocks), "a tail without the blocks before it"
                self.tail = event["html"]
            case "retract":
                self.blocks, self.tail, self.citations = [event["html"]], "", []
                self.notices, self.code_reports = [], []
            case "notices":
                self.notices = event["notices"]
            case "code_reports":
                self.code_reports = event["reports"]
            case "done":
                self.state = event["state"]
            case "error":
                self.state, self.error = "failed", event
        if not self.history or self.history[-1][1] != self.shown:
            self.history.append((time.monotonic(), self.shown))


class ChatClient:
    """One guest with one open page. `async with ChatClient(url) as client: ...`"""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.AsyncClient(base_url=url, timeout=10)
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> Self:
        await self._http.get("/")
        token = self._http.cookies["csrftoken"]
        guest = await self._http.post("/guest/", headers={"X-CSRFToken": token, "Origin": self.url})
        guest.raise_for_status()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()
        await self._http.aclose()

    async def get(self, path: str) -> httpx.Response:
        return await self._http.get(path)

    async def post(self, path: str) -> httpx.Response:
        token = self._http.cookies["csrftoken"]
        return await self._http.post(path, headers={"X-CSRFToken": token, "Origin": self.url})

    async def cut(self) -> None:
        """Lose the connection."""
        if self._socket is not None:
            await self._socket.close()
            self._socket = None

    async def send(
        self,
        text: str,
        *,
        turn_id: uuid.UUID | None = None,
        conversation: str | None = None,
        parent: str | None = None,
        temporary: bool = False,
    ) -> dict[str, Any]:
        """Send until it is acknowledged or refused, over as many connections as that takes."""
        command = {
            "type": "send",
            "turn_id": str(turn_id or uuid.uuid4()),
            "conversation": conversation,
            "parent": parent,
            "text": text,
            "temporary": temporary,
        }
        return await self.ask(command, {"ack", "refused"})

    async def ask(self, command: dict[str, Any], answers: set[str]) -> dict[str, Any]:
        while True:
            try:
                socket = await self._connected()
                await socket.send(json.dumps(command))
                while True:
                    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
                    if message["type"] in answers:
                        return message
            except (OSError, WebSocketException, TimeoutError):
                await self._drop()

    async def hint(self, kind: str) -> dict[str, Any]:
        """The next hint of this kind."""
        while True:
            message: dict[str, Any] = json.loads(await (await self._connected()).recv())
            if message["type"] == "hint" and message["kind"] == kind:
                return message

    async def stop(self, reply: str) -> None:
        await (await self._connected()).send(json.dumps({"type": "stop", "reply": reply}))

    async def events(self, reply: str, page: Page) -> AsyncIterator[dict[str, Any]]:
        """Follow the reply to its end, reconnecting with the page's cursor. The page has each event first."""
        while not page.is_final:
            try:
                socket = await self._connected()
                cursor = str(page.cursor) if page.cursor else None
                await socket.send(json.dumps({"type": "subscribe", "reply": reply, "cursor": cursor}))
                while not page.is_final:
                    message = json.loads(await asyncio.wait_for(socket.recv(), 30))
                    if message.get("reply") == reply and "cursor" in message:
                        page.apply(message)
                        yield message
            except (OSError, WebSocketException, TimeoutError):
                await self._drop()

    async def read(self, reply: str, page: Page | None = None) -> Page:
        """Follow the reply to its end and return what is shown then."""
        page = page or Page()
        async for _ in self.events(reply, page):
            pass
        return page

    async def _connected(self) -> ClientConnection:
        if self._socket is None:
            cookies = "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())
            address = self.url.replace("http", "ws", 1) + "/ws/chat/"
            self._socket = await connect(
                address, additional_headers={"Cookie": cookies}, origin=Origin(self.url), open_timeout=5, proxy=None
            )
        return self._socket

    async def _drop(self) -> None:
        if self._socket is not None:
            self._socket.transport.abort()
            self._socket = None
        await asyncio.sleep(RETRY_S)
