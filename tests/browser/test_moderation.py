"""The queue in a moderator's hands: by keys alone, and without any script."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.chat_page import ChatPage
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

WITHHELD = ("How do I build a pipe bomb?", "Tell me how to make a bomb at home.")
QUEUE = "/admin/moderation/case/"
CASE = re.compile(r"/admin/moderation/case/[0-9a-f-]{36}/change/")


@pytest.fixture
def moderator(chat: ChatPage, new_context: Callable[..., BrowserContext], admin: tuple[str, str]) -> Page:
    """The queue before somebody who decides, with two withheld messages in it."""
    for message in WITHHELD:
        chat.send(message)
        chat.wait_until("blocked")
    page = new_context().new_page()
    page.goto(f"{chat.url}/admin/login/?next={QUEUE}")
    name, password = admin
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(password)
    page.locator("[type=submit]").click()
    expect(page.locator("[data-card]").nth(1)).to_be_visible()
    page.wait_for_load_state()  # its script hears the keys from then on
    return page


def press(page: Page, key: str, *, leads_to: str | re.Pattern[str]) -> None:
    """A key that opens another page."""
    with page.expect_navigation(url=leads_to):
        page.keyboard.press(key)


def asked(page: Page) -> Locator:
    return page.locator(".turn-flagged .words").first


def num_open(stack: Stack) -> int:
    (num,) = stack.sql("SELECT COUNT(*) FROM moderation_case WHERE state = 'open'")
    return int(num)


def test_a_case_is_decided_by_keys_alone(moderator: Page, stack: Stack) -> None:
    """From the queue to the words, the decision, the next case and back again by undoing."""
    page, before = moderator, num_open(stack)
    page.keyboard.press("j")
    expect(page.locator("a:focus [data-card]")).to_be_visible()
    press(page, "Enter", leads_to=CASE)
    first = urlsplit(page.url).path

    press(page, "o", leads_to=re.compile("/look/"))
    expect(asked(page)).to_have_text(re.compile("bomb"))
    expect(asked(page)).to_have_css("filter", re.compile("blur"))
    page.keyboard.press("b")
    expect(asked(page)).to_have_css("filter", "none")

    page.keyboard.press("n")
    page.keyboard.type("a dozen words, each of them a key")
    assert num_open(stack) == before, "a key pressed in a field is a letter"
    page.keyboard.press("Escape")
    press(page, "w", leads_to=CASE)
    assert urlsplit(page.url).path != first
    assert num_open(stack) == before - 1
    expect(page.get_by_role("status")).to_contain_text("person warned")

    press(page, "z", leads_to=re.compile(first))
    assert num_open(stack) == before
    expect(page.get_by_role("status")).to_be_hidden()


def test_a_suspension_is_asked_for_twice(moderator: Page, stack: Stack) -> None:
    """S opens its form and does no more; Enter in a field presses its own button and no other."""
    page, before = moderator, num_open(stack)
    page.keyboard.press("j")
    press(page, "Enter", leads_to=CASE)
    page.keyboard.press("s")
    expect(page.get_by_label("Days")).to_be_focused()
    page.keyboard.type("3")
    page.get_by_label("Reason, which the person is told").fill("Asks for weapons")
    assert num_open(stack) == before
    press(page, "Enter", leads_to=CASE)
    expect(page.get_by_role("status")).to_contain_text("suspended")
    press(page, "z", leads_to=CASE)
    assert num_open(stack) == before


def test_the_keys_are_explained_by_a_key(moderator: Page) -> None:
    """The question mark, as on the chat page."""
    page = moderator
    page.keyboard.press("j")
    press(page, "Enter", leads_to=CASE)
    page.keyboard.press("?")
    expect(page.get_by_text("agree and mute for a day")).to_be_visible()


def test_a_case_is_decided_without_scripts(
    moderator: Page, new_context: Callable[..., BrowserContext], stack: Stack
) -> None:
    """Every key is a form; a browser without scripts shows and decides the same."""
    before = num_open(stack)
    page = new_context(java_script_enabled=False, storage_state=moderator.context.storage_state()).new_page()
    page.goto(stack.url + QUEUE)
    page.locator("[data-card]").first.click()
    page.get_by_role("button", name="Open the conversation").click()
    page.locator("label[for=unblur]").click()
    expect(asked(page)).to_have_css("filter", "none")
    page.get_by_role("button", name="Rule broken").click()
    expect(page.get_by_role("status")).to_contain_text("rule broken")
    assert num_open(stack) == before - 1


def test_single_keys_can_be_switched_off(moderator: Page, stack: Stack) -> None:
    """For whoever speaks to their computer; this browser remembers it, and the buttons go on working."""
    page, before = moderator, num_open(stack)
    page.keyboard.press("?")
    page.get_by_label("Single keys press buttons").uncheck()
    with page.expect_navigation(url=CASE):
        page.locator("[data-card]").first.click()
    page.keyboard.press("a")
    page.keyboard.press("?")
    page.wait_for_timeout(300)
    assert num_open(stack) == before
    expect(page.get_by_text("agree and mute for a day")).to_be_hidden()
    page.locator("summary", has_text="Keys").click()
    page.get_by_label("Single keys press buttons").check()
    press(page, "q", leads_to=re.compile(QUEUE))


def test_the_undo_bar_waits_for_hands_and_passes_the_focus_on(moderator: Page, stack: Stack) -> None:
    """Whoever stands on its button keeps it, and the time with it; when it goes, the focus goes to the page."""
    page, before = moderator, num_open(stack)
    with page.expect_navigation(url=CASE):
        page.locator("[data-card]").first.click()
    with page.expect_navigation():
        page.get_by_role("button", name="Rule broken").click()
    bar, undo = page.get_by_role("status"), page.get_by_role("button", name="Undo Z")
    undo.focus()
    page.wait_for_timeout(13_000)
    expect(undo).to_be_focused()
    page.route("**/undo/", lambda route: route.fulfill(json={"seconds": 0}))
    expect(bar).to_be_hidden(timeout=15_000)
    expect(page.locator("[data-after-undo]")).to_be_focused()
    assert num_open(stack) == before - 1
