"""Changes have a pace: one person's haste is refused kindly, and touches nobody else."""

import pytest
from django.test import Client

from tests.conftest import RedisServer
from webapp import rate_limits
from webapp.accounts.models import User
from webapp.pace import Pace

pytestmark = pytest.mark.django_db


@pytest.fixture
def hasty(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setitem(rate_limits.PACES, "become_guest", Pace(limit=3, period_s=3600))
    return Client(REMOTE_ADDR="192.0.2.7")


def test_too_many_changes_are_refused_with_when_to_try_again(hasty: Client) -> None:
    """Three fit; the fourth is told how long to wait."""
    assert [Client(REMOTE_ADDR="192.0.2.7").post("/guest/").status_code for _ in range(3)] == [204, 204, 204]
    refused = hasty.post("/guest/")
    assert refused.status_code == 429
    assert 1100 < int(refused["Retry-After"]) <= 1201
    assert "A little slower" in refused.content.decode()


def test_another_address_is_not_touched(hasty: Client) -> None:
    """The neighbour's haste is not mine."""
    for _ in range(4):
        Client(REMOTE_ADDR="192.0.2.7").post("/guest/")
    assert Client(REMOTE_ADDR="192.0.2.8").post("/guest/").status_code == 204


def test_reading_is_not_counted(hasty: Client) -> None:
    """Only changes are, and what is costly to make."""
    assert {hasty.get("/").status_code for _ in range(6)} == {200}


def test_a_copy_of_everything_is_not_made_without_end(
    person: User, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It changes nothing, and is work for minutes."""
    monkeypatch.setitem(rate_limits.PACES, "export_all", Pace(limit=1, period_s=3600))
    browser = Client()
    browser.force_login(person)
    assert b"".join(browser.get("/export/")).startswith(b"PK")
    assert browser.get("/export/").status_code == 429
    assert set(rate_limits.PACES) >= rate_limits.COSTLY_READS


def test_a_search_by_meaning_is_counted_on_the_page_without_scripts_too(
    person: User, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search for words has paces of its own."""
    monkeypatch.setitem(rate_limits.PACES, "search_similar", Pace(limit=1, period_s=3600))
    browser = Client()
    browser.force_login(person)
    assert {browser.get("/search/?q=a+llama").status_code for _ in range(3)} == {200}
    assert browser.get("/search/similar/?q=").status_code == 200
    assert browser.get("/search/?q=a+llama&by=meaning").status_code == 429


@pytest.mark.parametrize(("name", "address"), [("search", "/search/?q=a"), ("search_results", "/search/results/?q=a")])
def test_a_search_has_a_pace(
    person: User, redis: RedisServer, monkeypatch: pytest.MonkeyPatch, name: str, address: str
) -> None:
    """One that finds nothing by the index reads every text of the person."""
    monkeypatch.setitem(rate_limits.PACES, name, Pace(limit=1, period_s=3600))
    browser = Client()
    browser.force_login(person)
    assert [browser.get(address).status_code for _ in range(2)] == [200, 429]


def test_without_redis_nobody_is_refused(hasty: Client, settings: object) -> None:
    """A limit that nobody can count does not close the site."""
    settings.REDIS_URL = "unix:///nowhere/redis.sock"  # type: ignore[attr-defined]
    assert {Client(REMOTE_ADDR="192.0.2.7").post("/guest/").status_code for _ in range(6)} == {204}
