"""No page runs what is not ours or talks to anybody else. The watch in conftest.py does the checking."""

import pytest
from playwright.sync_api import expect

from tests.browser.chat_page import ChatPage, Watch
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PAGES = (
    "/",
    "/about/",
    "/library/",
    "/safety/",
    "/safety/mine/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
)
MEMBER_PAGES = ("/accounts/password/change/", "/accounts/email/", "/accounts/logout/")


def test_every_page_of_the_site_keeps_the_policy(chat: ChatPage) -> None:
    """Also with everything opened that opens."""
    for path in PAGES:
        chat.open(path)
        chat.page.locator(".person-button").click()
        chat.page.get_by_role("button", name="Keyboard shortcuts").click()
        expect(chat.page.get_by_role("dialog")).to_be_visible()
    chat.open("/library/")
    chat.page.locator("a.card").first.click()
    expect(chat.page.locator(".prose")).to_be_visible()


def test_a_page_that_is_not_there_keeps_the_policy(chat: ChatPage, watch: Watch) -> None:
    """Error pages are pages too."""
    watch.expected.append("404 (Not Found)")
    chat.open("/nothing-here/")
    expect(chat.page.get_by_role("heading")).to_have_text("There is nothing here")


def test_the_policy_allows_no_inline_script_or_style(chat: ChatPage) -> None:
    """Scripts and styles are files of this site; what an answer might smuggle in would not run."""
    response = chat.page.goto(chat.url)
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "style-src 'self'" in policy
    assert "script-src 'self'" in policy


def test_the_administration_keeps_its_policy(chat: ChatPage, admin: tuple[str, str], stack: Stack) -> None:
    """Every list of the administration, as a superuser sees it, and the pages of an account."""
    name, password = admin
    chat.open("/admin/")
    chat.page.locator("[name=username]").fill(name)
    chat.page.locator("[name=password]").fill(password)
    chat.page.locator("[type=submit]").click()
    chat.page.wait_for_url(f"{stack.url}/admin/")
    addresses = chat.page.locator("a[href^='/admin/']").evaluate_all("links => links.map(link => link.pathname)")
    lists = sorted({address for address in addresses if address.count("/") == 4 and "password" not in address})
    assert lists, "the administration lists nothing"
    for path in (*lists, *MEMBER_PAGES):
        chat.open(path)
        expect(chat.page.locator("body")).to_be_visible()
