"""It fits a small phone, in both themes, without a flash and without much to load."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.chat_page import ANSWER_MS, ChatPage
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PAGES = ("/", "/about/", "/library/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/")
SMALL = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
FIRST_LOAD_BYTES = 122_500

NewContext = Callable[..., BrowserContext]


def test_nothing_is_wider_than_a_small_phone(new_context: NewContext, stack: Stack) -> None:
    """Scrolling sideways through text is no reading."""
    chat = ChatPage(new_context(**SMALL).new_page(), stack.url)
    for path in PAGES:
        chat.open(path)
        assert chat.page.evaluate("document.documentElement.scrollWidth") <= 360, path
    chat.open()
    chat.field.fill("Show " + "averyverylongwordwithoutanybreak" * 4)
    chat.send_button.tap()
    # Whatever the model makes of such a word; the guard may withhold that.
    expect(chat.last).to_have_attribute("data-state", re.compile("done|blocked"), timeout=ANSWER_MS)
    assert chat.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_sidebar_is_a_drawer_on_a_phone(new_context: NewContext, stack: Stack) -> None:
    """It opens over the page, takes the focus, and closes with Escape or a tap beside it."""
    chat = ChatPage(new_context(**SMALL).new_page(), stack.url)
    chat.open()
    drawer = chat.page.get_by_role("complementary")
    expect(drawer).to_be_hidden()
    chat.page.get_by_role("button", name="Open sidebar").tap()
    expect(drawer).to_be_visible()
    assert chat.page.evaluate("document.querySelector('.sidebar').contains(document.activeElement)")
    chat.page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    chat.page.get_by_role("button", name="Open sidebar").tap()
    chat.page.touchscreen.tap(350, 400)
    expect(drawer).to_be_hidden()


SWIPE = """([fromX, toX]) => {
  const touch = (x) => new Touch({ identifier: 1, target: document.body, clientX: x, clientY: 300 });
  const at = (x) => ({ bubbles: true, touches: [touch(x)], changedTouches: [touch(x)] });
  document.body.dispatchEvent(new TouchEvent("touchstart", at(fromX)));
  document.body.dispatchEvent(new TouchEvent("touchend", at(toX)));
}"""


def test_the_drawer_follows_a_finger(new_context: NewContext, stack: Stack) -> None:
    """In from the edge opens it, back closes it; a finger that crosses the text does neither."""
    chat = ChatPage(new_context(**SMALL).new_page(), stack.url)
    chat.open()
    drawer = chat.page.get_by_role("complementary")
    chat.page.evaluate(SWIPE, [120, 300])
    expect(drawer).to_be_hidden()
    chat.page.evaluate(SWIPE, [8, 140])
    expect(drawer).to_be_visible()
    chat.page.evaluate(SWIPE, [240, 60])
    expect(drawer).to_be_hidden()


def test_targets_are_large_enough_for_a_finger(new_context: NewContext, stack: Stack) -> None:
    """44 pixels, as both phone makers ask for."""
    chat = ChatPage(new_context(**SMALL).new_page(), stack.url)
    chat.open()
    sizes = chat.page.evaluate(
        """() => [...document.querySelectorAll("main button, main input, header a, header button")]
             .filter((element) => element.checkVisibility())
             .map((element) => [element.outerHTML.slice(0, 60), element.getBoundingClientRect().height])"""
    )
    assert [size for size in sizes if size[1] < 44] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system(scheme: str, new_context: NewContext, stack: Stack) -> None:
    """Until somebody chooses otherwise."""
    chat = ChatPage(new_context(color_scheme=scheme).new_page(), stack.url)
    chat.open()
    assert is_dark(chat) is (scheme == "dark")


def test_the_chosen_theme_is_there_before_anything_is_painted(chat: ChatPage) -> None:
    """A white flash in a dark room is the worst first impression."""
    chat.page.locator(".person-button").click()
    chat.page.get_by_text("Dark", exact=True).click()
    assert is_dark(chat)
    chat.page.add_init_script(
        "new MutationObserver((_, observer) => { if (document.body) {"
        " window.themeAtBody = document.documentElement.dataset.theme; observer.disconnect(); } })"
        ".observe(document, { childList: true, subtree: true });"
    )
    chat.page.reload()
    assert chat.page.evaluate("window.themeAtBody") == "dark"
    assert is_dark(chat)


def test_the_first_page_is_light(new_context: NewContext, stack: Stack) -> None:
    """At most 122.5 kB over the wire, all from this server, with everything that the first answer needs."""
    page = new_context().new_page()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    received: list[float] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.goto(stack.url, wait_until="networkidle")
    assert 0 < sum(received) <= FIRST_LOAD_BYTES


def is_dark(chat: ChatPage) -> bool:
    color = chat.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return bool(color == "rgb(24, 25, 27)")
