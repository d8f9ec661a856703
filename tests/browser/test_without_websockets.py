"""A network that lets no websocket through: nobody notices."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Route, WebSocketRoute, expect

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


def test_a_link_to_another_branch_is_not_overtaken(new_context: Callable[..., BrowserContext], stack: Stack) -> None:
    """What others did meanwhile is asked for when the server knows which branch is looked at."""
    context = new_context()
    context.route_web_socket(re.compile("/ws/chat/"), lambda socket: socket.close())
    chat = ChatPage(context.new_page(), stack.url)
    chat.open()
    chat.send("Say hello in one short sentence.")
    chat.wait_until("done")
    first = chat.reply_id
    chat.last.get_by_role("button", name="Write another answer").click()
    expect(chat.last).not_to_have_attribute("data-reply", first)
    chat.wait_until("done")
    selecting: list[Route] = []
    caught_up: list[str] = []
    context.route("**/select/", lambda route: selecting.append(route))
    context.on("request", lambda request: caught_up.append(request.url) if "/turns/" in request.url else None)
    with chat.page.expect_request("**/gauge/"):  # there is a connection
        chat.page.goto(f"{chat.page.url}?at={first}")
    assert not caught_up
    with chat.page.expect_response("**/turns/*"):
        selecting[0].continue_()
    expect(chat.last).to_have_attribute("data-reply", first)
