"""A phone with a notch and a bar at its lower edge: nothing that is read or used lies under them, upright or lying."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page

from tests.browser.chat_page import ChatPage
from tests.browser.fitting import PHONE, open_drawer
from tests.browser.test_talking import HELLO
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

UPRIGHT = {"top": 47, "bottom": 34, "left": 0, "right": 0}
LYING = {"top": 0, "bottom": 21, "left": 47, "right": 47}
LYING_SIZE: Any = {"width": 844, "height": 390}
# What one reads or uses, is not covered by something else, and reaches under the edge of the screen.
UNDER_AN_EDGE = """({ top, bottom, left, right }) =>
  [...document.querySelectorAll("a, button, input, textarea, summary, h1, h2, .bubble, .block > p, .fine-print")]
    .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
    .filter((element) => !element.closest(".sr-only, .skip-link"))
    .filter((element) => {
      const words = document.createRange();
      words.selectNodeContents(element);
      const box = (element.matches("p") ? words : element).getBoundingClientRect();
      const seen = { x: Math.max(box.left, 0), y: Math.max(box.top, 0), right: Math.min(box.right, innerWidth),
                     bottom: Math.min(box.bottom, innerHeight) };
      if (seen.right - seen.x < 2 || seen.bottom - seen.y < 2) return false;
      const isAside = box.left < left - 0.5 || box.right > innerWidth - right + 0.5;
      const scrolls = element.closest(".turns, .starters");
      const isUnder = isAside || (!scrolls && (box.top < top - 0.5 || box.bottom > innerHeight - bottom + 0.5));
      const hit = document.elementFromPoint((seen.x + seen.right) / 2, (seen.y + seen.bottom) / 2);
      return isUnder && (element.contains(hit) || hit?.contains(element));
    })
    .map((element) => element.outerHTML.slice(0, 120))"""


def take_from(page: Page, insets: dict[str, int]) -> None:
    """From now on the screen has these edges."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setSafeAreaInsetsOverride", {"insets": insets})
    page.wait_for_function(
        """(top) => {
          const probe = document.body.appendChild(document.createElement("i"));
          probe.style.cssText = "position: fixed; height: env(safe-area-inset-top)";
          const height = probe.getBoundingClientRect().height;
          probe.remove();
          return height === top;
        }""",
        arg=insets["top"],
    )


def top(locator: Locator) -> float:
    box = locator.bounding_box()
    assert box
    return box["y"]


def test_nothing_lies_under_the_notch(new_context: Callable[..., BrowserContext], stack: Stack) -> None:
    """The bar at the top and the composer move by what the screen takes from them; on the empty page, in a chat and in
    the list of chats; upright, and lying on either side, where the list may stand beside the chat."""
    chat = ChatPage(new_context(**PHONE).new_page(), stack.url)
    page = chat.page
    chat.open()
    take_from(page, UPRIGHT)
    assert page.evaluate(UNDER_AN_EDGE, UPRIGHT) == []
    chat.field.fill(HELLO)
    chat.send_button.tap()
    chat.wait_until("done")
    assert page.evaluate(UNDER_AN_EDGE, UPRIGHT) == []
    menu, composer = page.get_by_role("button", name="Open sidebar"), page.locator(".composer-box")
    before = top(menu), top(composer)
    take_from(page, dict.fromkeys(UPRIGHT, 0))
    moved = before[0] - top(menu), top(composer) - before[1]
    assert moved == pytest.approx((UPRIGHT["top"], UPRIGHT["bottom"] - 8), abs=1)  # 8 are there on any screen
    take_from(page, UPRIGHT)
    open_drawer(chat)
    assert page.evaluate(UNDER_AN_EDGE, UPRIGHT) == []
    page.keyboard.press("Escape")

    page.set_viewport_size(LYING_SIZE)
    take_from(page, LYING)
    for direction in ("ltr", "rtl"):
        page.evaluate("(direction) => (document.documentElement.dir = direction)", direction)
        for state in ("open", "closed"):
            page.evaluate("(state) => (document.documentElement.dataset.sidebar = state)", state)
            assert page.evaluate(UNDER_AN_EDGE, LYING) == [], (direction, state)
            assert page.evaluate("document.documentElement.scrollWidth") <= LYING_SIZE["width"]
