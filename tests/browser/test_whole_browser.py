"""What only a whole Chromium has: notifications of the system, and a voice."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.browser.chat_page import LONG_TEXT
from tests.browser.chromium import launch
from tests.browser.test_opinions import HELLO, HIDE_PAGE, NOTE_READING, SHOWN_NOTIFICATIONS, opened, send
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = launch(playwright, is_whole=True)
        yield running
        running.close()


@pytest.fixture
def context(new_context: Callable[..., BrowserContext]) -> BrowserContext:
    return new_context()


def test_a_real_notification_is_shown(context: BrowserContext, stack: Stack) -> None:
    """By the service worker, which every browser allows."""
    context.grant_permissions(["notifications"], origin=stack.url)
    chat = opened(context, stack)
    chat.page.evaluate("localStorage.setItem('cria.notify', 'true')")
    assert chat.page.evaluate("Notification.permission") == "granted"
    chat.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    send(chat, HELLO)
    chat.page.evaluate(HIDE_PAGE)
    chat.wait_until("done")
    chat.page.wait_for_function(SHOWN_NOTIFICATIONS)


def test_the_real_voice_is_asked_and_released(context: BrowserContext, stack: Stack) -> None:
    """Whether or not this machine has a voice, the browser takes the sentences and the buttons come back."""
    chat = opened(context, stack)
    send(chat, LONG_TEXT)
    chat.wait_for_words(10)
    chat.send_button.click()
    chat.wait_until("cancelled")
    chat.last.evaluate(NOTE_READING)
    chat.last.get_by_role("button", name="Read aloud").click()
    chat.page.evaluate("began.then(() => true)")
    stop = chat.last.get_by_role("button", name="Stop reading")
    if stop.is_visible():
        stop.click()
    expect(chat.last.get_by_role("button", name="Read aloud")).to_be_visible()
    assert not chat.page.evaluate("speechSynthesis.speaking")
