"""What holds for every view of the site, walked along the URL table, so that no new one can be forgotten."""

from collections.abc import Mapping
from functools import cache

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Model
from django.test import Client

from tests.conftest import RedisServer
from tests.webapp.url_table import View, browser_of, one_of_each, views
from webapp import rate_limits
from webapp.accounts.models import User
from webapp.pace import Pace

pytestmark = pytest.mark.django_db

OURS = [view for view in views() if not view.is_admin]
ADMIN = [view for view in views() if view.is_admin]
NAMING = [view for view in OURS if view.names]
ADMIN_NAMING = [view for view in ADMIN if view.names]

# Open to whoever has the address, which cannot be guessed; one to be written from a letter; and the way to a provider.
BY_ADDRESS = frozenset(
    {
        *("shared_chat", "shared_picture", "continue_shared", "report_shared"),
        *("erasure_receipt", "erasure_receipt_text"),
        "experiment_report",
        *("account_confirm_email", "account_reset_password_from_key"),
        *("openid_connect_login", "openid_connect_callback"),
    }
)
# Reading these is noted, and that is their purpose: how often a link was opened, which decisions have been read.
NOTED = frozenset({"shared_chat", "my_safety"})
# Said by a page that is left, more than once: always the same answer, so there is nothing to learn from it.
SAYS_NOTHING = frozenset({"close_chat"})
# Present for more than being mine: a temporary chat, a file that is ready, a key that a browser can be asked for.
NEEDS_MORE = frozenset({"close_chat", "download_export", "mfa_reauthenticate_webauthn"})
# Kept about a visit, whatever is visited.
OF_A_VISIT = frozenset({"sessions.Session", "usersessions.UserSession"})
VISIT_FIELDS = frozenset({"last_login", "seen_on"})


def named(view: View) -> str:
    return view.name


@pytest.fixture
def mine(person: User) -> dict[str, object]:
    return one_of_each(person)


@pytest.fixture
def theirs(somebody_else: User) -> dict[str, object]:
    return one_of_each(somebody_else)


def rows() -> dict[str, list[tuple[object, ...]]]:
    """The whole database, without what is kept about visits. Read below the models, as it is read a thousand times."""
    found = {}
    with connection.cursor() as cursor:
        for label, select in selects().items():
            cursor.execute(select)
            found[label] = cursor.fetchall()
    return found


@cache
def selects() -> dict[str, str]:
    return {
        model._meta.label: _select(model)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.label not in OF_A_VISIT and not model._meta.proxy
    }


def _select(model: type[Model]) -> str:
    fields = [field for field in model._meta.local_concrete_fields if field.name not in VISIT_FIELDS]
    names = [connection.ops.quote_name(str(field.column)) for field in fields]
    table, key = (connection.ops.quote_name(name) for name in (model._meta.db_table, str(model._meta.pk.column)))
    return f"SELECT {', '.join(names)} FROM {table} ORDER BY {key}"


@pytest.mark.parametrize("view", OURS + [view for view in ADMIN if not view.names], ids=named)
def test_a_change_needs_the_token_of_our_own_page(
    view: View, person: User, mine: dict[str, object], redis: RedisServer
) -> None:
    """Another site must not act in somebody's name, on any address, also one that only reads today."""
    browser = browser_of(person, checks_csrf=True)
    before = rows()
    assert browser.post(view.address(mine)).status_code == 403
    assert rows() == before


@pytest.mark.parametrize("view", views(), ids=named)
def test_no_view_is_exempt_from_that(view: View) -> None:
    """The administration's addresses that name a row are the same kind of view."""
    assert not getattr(view.function, "csrf_exempt", False)


@pytest.mark.parametrize("view", OURS + [view for view in ADMIN if not view.names], ids=named)
def test_every_change_has_a_pace(
    view: View, person: User, mine: dict[str, object], redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many are refused with when to try again, in kind words, before anything is done."""
    monkeypatch.setattr(rate_limits, "PACES", {})
    monkeypatch.setattr(rate_limits, "USUAL", Pace(limit=1, period_s=3600))
    browser = browser_of(person)
    assert browser.post("/guest/").status_code == 204
    before = rows()
    refused = browser.post(view.address(mine))
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 3601
    assert "A little slower" in refused.content.decode()
    assert rows() == before


def test_every_change_in_the_administration_has_a_pace(
    person: User, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of what an address names, which need not be there: it is refused before anybody looks."""
    monkeypatch.setattr(rate_limits, "PACES", {})
    monkeypatch.setattr(rate_limits, "USUAL", Pace(limit=1, period_s=3600))
    browser = browser_of(person)
    assert browser.post("/guest/").status_code == 204
    assert {view.name: browser.post(view.address_of_nothing).status_code for view in ADMIN_NAMING} == dict.fromkeys(
        (view.name for view in ADMIN_NAMING), 429
    )


def test_each_pace_is_that_of_a_view() -> None:
    """A view that was renamed would quietly lose its own pace."""
    assert {view.name for view in views()} >= set(rate_limits.PACES)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("view", [view for view in NAMING if view.name not in BY_ADDRESS], ids=named)
def test_what_belongs_to_another_is_absent(
    view: View, method: str, person: User, theirs: dict[str, object], redis: RedisServer
) -> None:
    """The same answer as for what never was, and nothing of theirs changes."""
    browser = browser_of(person)
    before = rows()
    absent = {204, 405} if view.name in SAYS_NOTHING else {404, 405}
    for client in (browser, Client()):
        answer = getattr(client, method)(view.address(theirs), body_of(view, theirs))
        assert answer.status_code in (absent if client is browser else absent | {302})
        if answer.status_code == 302:
            assert answer["Location"].startswith("/accounts/login/")
    assert rows() == before


@pytest.mark.parametrize("view", [view for view in NAMING if view.name not in BY_ADDRESS | NEEDS_MORE], ids=named)
def test_absent_means_not_mine_only(view: View, person: User, mine: dict[str, object], redis: RedisServer) -> None:
    """Otherwise the rule above would be kept by a view that never finds anything."""
    browser = browser_of(person)
    read = browser.get(view.address(mine))
    list(read)  # a file that is streamed is closed at its end
    changed = browser.post(view.address(mine), body_of(view, mine))
    assert {read.status_code, changed.status_code} - {404, 405}


@pytest.mark.parametrize("view", [view for view in OURS if view.name not in NOTED | NEEDS_MORE], ids=named)
def test_reading_changes_nothing(view: View, person: User, mine: dict[str, object], redis: RedisServer) -> None:
    """A link, a preview or a prefetch must never be an act: views that act answer GET with 405."""
    browser = browser_of(person)
    before = rows()
    answer = browser.get(view.address(mine))
    list(answer)
    assert answer.status_code != 500
    assert rows() == before


@pytest.mark.parametrize("view", [view for view in ADMIN if not view.names], ids=named)
def test_the_administration_is_closed_to_people(view: View, person: User, redis: RedisServer) -> None:
    """Whoever is not of the staff sees the door, and the texts of its scripts."""
    answer = browser_of(person).get(view.address({}))
    if view.name in {"admin:login", "admin:jsi18n"}:
        return
    assert answer.status_code in {302, 403, 404}


def test_what_the_administration_has_is_closed_to_people(
    person: User, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They see the door before anybody looks for what the address names: a view without a door would say 404."""
    # An hour: what tests before this one asked for from the same address is counted too.
    monkeypatch.setattr(rate_limits, "USUAL", Pace(limit=1_000_000, period_s=rate_limits.HOUR_S))
    before = rows()
    for browser in (browser_of(person), Client()):
        for view in ADMIN_NAMING:
            for answer in (browser.get(view.address_of_nothing), browser.post(view.address_of_nothing)):
                assert (view.name, answer.status_code) == (view.name, 302)
                assert answer["Location"].startswith("/admin/login/")
    assert rows() == before


def body_of(view: View, mine: Mapping[str, object]) -> dict[str, str]:
    """What a view asks for besides its address."""
    turn = {"turn": str(mine["reply_id"])}
    bodies = {"select_branch": turn, "keep_version": turn, "thumb": {"thumb": "up"}, "report": {"reason": "wrong"}}
    return bodies.get(view.name, {})
