"""The main pages in Arabic: nothing that axe-core can see is wrong, and nothing sticks out of a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.chat_page import ChatPage
from tests.browser.fitting import PHONE, misfits
from tests.browser.test_axe import NOT_OURS, RULES_OF_ALL, bring_axe, wrong_in
from tests.browser.test_talking import HELLO
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PAGES = ("/", "/chats/", "/settings/general/", "/library/")


def test_the_main_pages_from_right_to_left(new_context: Callable[..., BrowserContext], stack: Stack) -> None:
    """With a chat and its list, which comes from the right."""
    settings = {**PHONE, "locale": "ar", "reduced_motion": "reduce"}
    chat = ChatPage(new_context(**settings).new_page(), stack.url)
    page = chat.page
    found = []

    def look() -> None:
        bring_axe(page)
        found.extend(wrong_in("light", page, "html", NOT_OURS, RULES_OF_ALL))
        found.extend(f"{page.url}: {line}" for line in misfits(page))

    chat.open()
    page.locator("#message").fill(HELLO)
    chat.send_button.tap()
    chat.wait_until("done")
    page.reload()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    look()
    page.locator(".topbar [data-sidebar-toggle]").tap()
    page.wait_for_function("() => getComputedStyle(document.querySelector('.sidebar')).transform === 'none'")
    sidebar = page.locator("#sidebar").bounding_box()
    assert sidebar
    assert sidebar["x"] + sidebar["width"] == pytest.approx(PHONE["viewport"]["width"], abs=1)
    look()
    for path in PAGES:
        chat.open(path)
        look()
    assert found == []
