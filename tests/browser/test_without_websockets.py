"""A network that lets no websocket through: nobody notices."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, WebSocketRoute, expect

from tests.browser.chat_page import ANSWER_MS, LONG_TEXT, ChatPage
from tests.browser.test_resume import settled
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_chat_goes_on_over_server_sent_events(new_context: Callable[..., BrowserContext], stack: Stack) -> None:
    """Send, a second tab, a message that waits, reload in mid-stream, stop from the other; then a better network."""
    context = new_context()
    is_better = False

    def meet(socket: WebSocketRoute) -> None:
        if is_better:
            socket.connect_to_server()
        else:
            socket.close()

    context.route_web_socket(re.compile("/ws/chat/"), meet)
    streams: list[str] = []
    context.on("request", lambda request: streams.append(request.url) if "/sse/chat/" in request.url else None)
    chat = ChatPage(context.new_page(), stack.url)
    chat.open()
    chat.send(LONG_TEXT)
    chat.wait_for_words(8)
    other = ChatPage(context.new_page(), stack.url)
    other.page.goto(chat.page.url)
    chat.field.fill("Say hello in one short sentence.")
    chat.field.press("Enter")
    for tab in (chat, other):
        expect(tab.page.locator("#queue")).to_contain_text("Say hello", timeout=ANSWER_MS)
    before = settled(chat.answer)
    chat.page.reload()
    assert settled(chat.answer).startswith(before)
    num_words = len(chat.answer.split())
    for tab in (chat, other):
        tab.wait_for_words(num_words + 3)
    other.page.keyboard.press("Escape")
    for tab in (chat, other):
        tab.wait_until("cancelled")
    assert chat.answer == other.answer
    other.page.locator("#queue").get_by_role("button", name="Send now").click()
    for tab in (chat, other):
        expect(tab.question).to_have_text("Say hello in one short sentence.")
        tab.wait_until("done")
    expect(chat.page.locator("#connection")).to_be_hidden()
    assert streams

    is_better = True
    chat.page.evaluate("sessionStorage.setItem('cria.refused', 1)")  # long ago
    chat.page.reload()
    chat.page.wait_for_function("() => !sessionStorage.getItem('cria.refused')")
