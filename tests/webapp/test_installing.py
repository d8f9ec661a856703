"""What a browser is told so that it can install the site and show something without a connection."""

import re
from collections.abc import Callable

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import Settings

from webapp import installing
from webapp.accounts.models import User

pytestmark = pytest.mark.django_db


def test_the_manifest_has_what_an_installation_needs() -> None:
    """A name, a start, a display of its own, icons of both sizes and one that may be cut; each icon is there."""
    answer = Client().get("/manifest.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json"
    document = answer.json()
    assert (document["start_url"], document["scope"], document["display"]) == ("/", "/", "standalone")
    assert {icon["sizes"] for icon in document["icons"]} == {"192x192", "512x512"}
    assert [icon.get("purpose") for icon in document["icons"]].count("maskable") == 1
    for icon in document["icons"]:
        path = finders.find(icon["src"].removeprefix("/static/"))
        assert path is not None
        width = int(icon["sizes"].partition("x")[0])
        with open(path, "rb") as file:
            assert int.from_bytes(file.read(20)[16:20]) == width


def test_the_manifest_speaks_the_language_of_the_browser() -> None:
    assert Client(headers={"Accept-Language": "de"}).get("/manifest.webmanifest").json()["lang"] == "de"


def test_another_file_of_the_shell_is_another_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser takes a changed script as the sign to fetch the shell anew."""

    def version() -> str:
        found = re.search(r'VERSION = "(\w+)"', Client().get("/sw.js").content.decode())
        assert found is not None
        return found[1]

    first = version()
    assert version() == first
    usual: Callable[[str], str] = installing.static
    monkeypatch.setattr(installing, "static", lambda name: usual(name) + "?changed")
    assert version() != first


def test_all_of_the_shell_is_there() -> None:
    """One missing file, and the browser would keep nothing at all."""
    assert all(finders.find(name) for name in installing.SHELL)
    page = Client().get("/offline/").content.decode()
    assert set(re.findall(r'(?:href|src)="/static/([^"]+)"', page)) <= set(installing.SHELL)


def test_the_page_without_a_connection_is_the_same_for_everybody(person: User, settings: Settings) -> None:
    """It stays in the browser when the person has logged out."""
    client = Client()
    nobody = client.get("/offline/").content
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/offline/").content == nobody


@pytest.mark.parametrize("address", ["/", "/about/"])
def test_whoever_asks_only_whether_the_site_is_there_is_told(client: Client, address: str) -> None:
    """Watchers and previews of links ask with HEAD."""
    assert client.head(address).status_code == 200
