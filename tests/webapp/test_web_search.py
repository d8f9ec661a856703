"""Web search against a real small server: pages come as they are found, and a broken engine is an error by name."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from assistant.errors import RetrievalUnavailable
from tests.webapp.site_settings import change_settings
from webapp.web_search import MAX_EXCERPT_CHARS, SearxngSearch

FOUND = [
    {"title": "Wool", "url": "https://wool.example/a", "content": "Warm. " * 200},
    {"title": "Trick", "url": "javascript:alert(1)", "content": "x"},
    {"title": "Broken", "url": "http://[", "content": "x"},
    {"url": "http://plain.example/"},
]


class SearchPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        status = {"broken": 500, "moved": 302}.get(query["q"][0], 200)
        if status == 200 and query.get("key") != ["k1"]:
            status = 403
        body = (
            b"<html>" if query["q"] == ["html"] else json.dumps({"results": FOUND, "format": query["format"]}).encode()
        )
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/search?key=k1&q=x&format=json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def search() -> Iterator[SearxngSearch]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), SearchPage)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield SearxngSearch(f"http://127.0.0.1:{server.server_port}/search?key=k1")
    server.shutdown()
    thread.join()
    server.server_close()


async def test_pages_are_found_with_web_addresses_only(search: SearxngSearch) -> None:
    pages = await search.search("llama wool & more", k=5)
    assert [page.url for page in pages] == ["https://wool.example/a", "http://plain.example/"]
    assert len(pages[0].excerpt) == MAX_EXCERPT_CHARS
    assert len(await search.search("wool", k=1)) == 1


async def test_the_address_keeps_what_the_operator_put_into_it(search: SearxngSearch) -> None:
    """A key, or which engines to ask. The person's words take the place of nothing but `q`."""
    assert await search.search("wool&key=other", k=1)


@pytest.mark.parametrize("query", ["broken", "html", "moved"])
async def test_an_engine_that_fails_is_unavailable(search: SearxngSearch, query: str) -> None:
    """Nor is anybody followed to another address than the operator's."""
    with pytest.raises(RetrievalUnavailable):
        await search.search(query, k=3)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["", "http://127.0.0.1:8888"])
def test_the_page_about_cria_says_whether_it_can(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change_settings(monkeypatch, web_search_url=address)
    said = Client().get("/about/").content.decode()
    assert ("search the web" in said) is bool(address)
    assert ("cannot look at the web" in said) is not bool(address)
