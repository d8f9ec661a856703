"""Nothing that axe-core can see is wrong on the pages of the administration, in both themes.

The pages are made in this process, and a small server then shows them to a browser, with the styles
and scripts that belong to them and the policy they came with. No other process is needed.
"""

import mimetypes
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from django.contrib.staticfiles import finders
from django.test import override_settings
from playwright.sync_api import Browser, ConsoleMessage, sync_playwright

from tests.browser.chromium import launch
from tests.browser.test_axe import wrong_in_the_administration
from tests.stack import ROOT
from tests.webapp.admin_pages import AdminPage, Walk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

WITHIN = "#content, body:not(:has(#content)) > div"
"""Around it stands Unfold's own markup, which is not ours to mend."""
OURS = ("experiments/", "moderation/", "accounts/", "admin/index.html")
ELSEWHERE = frozenset({"experiments/report.html"})
"""In these folders, and not in the administration."""
PARTS = frozenset({"experiments/cells.html"})
"""What a script puts in the place of parts that the page began with."""
PLAIN_NAMES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
AXE = "/axe.js"


class Shown(BaseHTTPRequestHandler):
    """One page after the other, whatever its address is, and files that keep."""

    page: AdminPage

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == AXE:
            self._send(Path(AXE_FILE_PATH).read_bytes(), "text/javascript", {"Cache-Control": "max-age=600"})
        elif path.startswith("/static/"):
            found = finders.find(path.removeprefix("/static/"))
            kind = mimetypes.guess_type(path)[0] or ""
            self._send(Path(str(found)).read_bytes(), kind, {"Cache-Control": "max-age=600"})
        elif path == self.page.address:
            html = self.page.html.replace("</head>", f'<script src="{AXE}"></script></head>')
            self._send(html.encode(), "text/html; charset=utf-8", {"Content-Security-Policy": self.page.policy})
        else:  # what a page asks for by and by
            self.send_response(204)
            self.end_headers()

    def _send(self, body: bytes, kind: str, headers: Mapping[str, str]) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shown)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.django_db
def test_every_page_of_the_administration(address: str) -> None:
    """Made before there is a browser: beside one Django finds an event loop, and refuses."""
    with override_settings(STORAGES=PLAIN_NAMES):
        pages = list(Walk().pages())
    assert templates_of_ours() - {name for page in pages for name in page.templates} == set()
    with sync_playwright() as playwright:
        assert "\n".join(wrong_on(pages, address, launch(playwright))) == ""


def templates_of_ours() -> set[str]:
    """Each has to be on a page, or nobody would have looked at it."""
    folders = [*ROOT.glob("webapp/*/templates"), ROOT / "webapp" / "templates"]
    files = {str(file.relative_to(folder)) for folder in folders for file in folder.rglob("*.html")}
    return {name for name in files if name.startswith(OURS)} - ELSEWHERE - PARTS


def wrong_on(pages: Sequence[AdminPage], address: str, browser: Browser) -> list[str]:
    """What axe-core and the console say of each page that a template has part in which none before it has."""
    page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(f"{Shown.page.address}: {message.text}")

    page.on("console", heard)
    seen: set[str] = set()
    for shown in pages:
        if shown.templates <= seen:
            continue
        seen |= shown.templates
        Shown.page = shown
        page.goto(address + shown.address)
        wrong += wrong_in_the_administration(page, WITHIN)
    return wrong
