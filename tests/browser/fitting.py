"""What does not fit a screen, above all a phone's; and the list of chats, which is behind a button there."""

from playwright.sync_api import Page

from tests.browser.chat_page import ChatPage
from tests.browser.test_talking import SCREENS

PHONE = SCREENS["phone"]
WIDTH = PHONE["viewport"]["width"]
# What is cut off: its own text does not fit into it, and nothing lets one see the rest.
CUT_OFF = """() => [...document.querySelectorAll("button, a.button, label, h1, h2, h3, p, li, dt, dd")]
    .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
    .filter((element) => {
      const { overflowX, overflowY, textOverflow } = getComputedStyle(element);
      const isHidden = /hidden|clip/.test(overflowX + overflowY) && textOverflow !== "ellipsis";
      const isTooWide = element.scrollWidth > element.clientWidth + 1;
      const isTooHigh = element.scrollHeight > element.clientHeight + 1;
      return isHidden && (isTooWide || isTooHigh) && !element.closest(".sr-only, .skip-link");
    })
    .map((element) => element.outerHTML.slice(0, 120))"""
# What can be used and sticks out at a side, where nothing lets one see the rest.
OUT_OF_REACH = """(width) => [...document.querySelectorAll("a, button, input, select, summary, textarea")]
    .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
    .filter((element) => {
      const scrolls = (box) => box.scrollWidth > box.clientWidth && /auto|scroll/.test(getComputedStyle(box).overflowX);
      for (let box = element.parentElement; box; box = box.parentElement) if (scrolls(box)) return false;
      const { left, right } = element.getBoundingClientRect();
      return (left < -1 || right > width + 1) && !element.closest(".sr-only, .skip-link");
    })
    .map((element) => element.outerHTML.slice(0, 120))"""


def spilled(page: Page) -> list[str]:
    """What is cut off, and the page if it is wider than the screen."""
    is_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [*(["the page is too wide"] if is_wide else []), *page.evaluate(CUT_OFF)]


def misfits(page: Page) -> list[str]:
    """The same on a phone, and what sticks out at a side."""
    is_wide = page.evaluate("document.documentElement.scrollWidth") > WIDTH
    return [*(["it scrolls sideways"] if is_wide else []), *spilled(page), *page.evaluate(OUT_OF_REACH, WIDTH)]


def open_drawer(chat: ChatPage) -> None:
    """The list of chats, once it stands still."""
    chat.page.get_by_role("button", name="Open sidebar").tap()
    chat.page.wait_for_function("() => getComputedStyle(document.querySelector('.sidebar')).transform === 'none'")
