"""An answer is never lost: not by a reload, a second tab, a stop or the death of a server."""

import json
import re
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.chat_page import ANSWER_MS, LONG_TEXT, ChatPage, Watch
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_reload_in_mid_stream_goes_on_where_it_was(chat: ChatPage) -> None:
    """What was visible stays, the rest arrives, and the end is what is stored. Then a second answer is stopped."""
    chat.send(LONG_TEXT)
    chat.wait_for_words(12)
    before = settled(chat.answer)
    chat.page.reload()
    assert settled(chat.answer).startswith(before)
    expect(chat.send_button).to_have_accessible_name("Stop the answer")
    chat.wait_until("done")
    streamed = chat.answer
    assert streamed.startswith(before)
    chat.page.reload()
    assert chat.answer == streamed

    chat.send(LONG_TEXT)
    chat.wait_for_words(5)
    chat.send_button.click()
    chat.wait_until("cancelled")
    kept = chat.answer
    expect(chat.last.get_by_text("You stopped this answer.")).to_be_visible()
    expect(chat.send_button).to_have_accessible_name("Send")
    chat.page.reload()
    assert chat.answer == kept


TO_END = "document.scrollingElement.scrollHeight - scrollY - innerHeight"
LISTEN = """() => {
  window.heard = [];
  new MutationObserver(([{ target }]) => target.textContent && window.heard.push(target.textContent))
    .observe(document.getElementById("announcer"), { childList: true });
}"""


def test_two_tabs_show_the_same(chat: ChatPage) -> None:
    """A turn sent in one tab streams in the other, and either can stop it. Each has its own draft."""
    chat.send("Say hello in one short sentence.")
    chat.wait_until("done")
    other = ChatPage(chat.page.context.new_page(), chat.url)
    other.page.goto(chat.page.url)
    assert other.answer == chat.answer

    other.field.fill("Half a thou")
    chat.send(LONG_TEXT)
    expect(other.last).to_have_attribute("data-reply", chat.reply_id)
    other.wait_for_words(8)
    other.page.keyboard.press("Escape")
    other.wait_until("cancelled")
    chat.wait_until("cancelled")
    assert chat.answer == other.answer
    other.page.reload()
    expect(other.field).to_have_value("Half a thou")
    expect(chat.field).to_have_value("")
    other.page.close()
    chat.page.reload()
    expect(chat.field).to_have_value("Half a thou")


def test_a_reader_at_the_end_is_taken_along_and_nobody_else(chat: ChatPage) -> None:
    """The wheel and the keys up detach at once; a button leads back, and says that something came meanwhile. What is
    heard is that the answer begins and how it ends, never its words."""
    page = chat.page
    page.set_viewport_size({"width": 600, "height": 460})
    page.evaluate(LISTEN)
    chat.send(LONG_TEXT)
    jump = page.get_by_role("button", name="Jump to the latest")
    page.wait_for_function(f"() => {TO_END} < 48 && scrollY > 200", timeout=ANSWER_MS)  # and it followed so far
    for leave in (lambda: page.mouse.wheel(0, -120), lambda: page.locator("#turns").press("PageUp")):
        leave()
        expect(jump).to_be_visible()
        place = page.evaluate("scrollY")
        expect(jump).to_have_attribute("data-news", "", timeout=ANSWER_MS)
        jump.click()
        page.wait_for_function(f"() => {TO_END} < 48")
        expect(jump).to_be_hidden()
        assert page.evaluate("scrollY") > place
    before = page.evaluate("scrollY")
    page.wait_for_function(f"before => scrollY > before && {TO_END} < 48", arg=before, timeout=ANSWER_MS)
    page.keyboard.press("Escape")
    chat.wait_until("cancelled")
    page.wait_for_function("() => window.heard.at(-1) === 'Answer stopped'")
    assert page.evaluate("window.heard") == ["Answer started", "Answer stopped"]
    assert chat.body.evaluate("body => body.closest('[role=status], [role=alert], [role=log]').ariaLive") == "off"


def test_the_page_outlives_the_web_process(chat: ChatPage, stack: Stack, watch: Watch) -> None:
    """It reconnects by itself, and the answer goes on without a reload, nothing twice and nothing missing."""
    watch.expected += ["WebSocket connection", "Failed to load resource", "ERR_CONNECTION_REFUSED", "htmx:"]
    chat.send(LONG_TEXT)
    chat.wait_for_words(8)
    before = settled(chat.answer)
    stack.kill("web")
    chat.wait_until("done")
    streamed = chat.answer
    assert streamed.startswith(before)
    stack.wait_until_ready()
    chat.page.reload()
    assert chat.answer == streamed


def test_a_message_sent_while_the_server_is_away_arrives_once(chat: ChatPage, stack: Stack, watch: Watch) -> None:
    """It waits in the browser, is sent when the server is back, and is one message."""
    watch.expected += ["WebSocket connection", "Failed to load resource", "ERR_CONNECTION_REFUSED", "htmx:"]
    chat.send("Say hello in one short sentence.")
    chat.wait_until("done")
    stack.kill("web")
    chat.field.fill("Say goodbye in one short sentence.")
    chat.field.press("Enter")
    expect(chat.page.locator(".turn")).to_have_count(2)
    expect(chat.last).to_have_attribute("data-state", "done", timeout=ANSWER_MS)
    stack.wait_until_ready()
    chat.page.reload()
    expect(chat.page.locator(".turn")).to_have_count(2)


@dataclass
class Lines:
    """Connections that nobody closes and through which nothing comes any more: the first after the first words of an
    answer, the second after its greeting. Those after them are whole."""

    page: Page
    silent: list[bool] = field(default_factory=list)

    def open(self, browser: WebSocketRoute) -> None:
        number = len(self.silent)
        ends_with = [lambda told: told.get("html") or told.get("blocks"), lambda told: told["type"] == "hello"]
        self.silent.append(False)
        server = browser.connect_to_server()

        def tell(message: str | bytes) -> None:
            if not self.silent[number]:
                browser.send(message)
                self.silent[number] = number < len(ends_with) and bool(ends_with[number](json.loads(message)))

        server.on_message(tell)
        browser.on_message(lambda message: None if self.silent[number] else server.send(message))

    def wait_for(self, *silent: bool) -> None:
        """Less long than the page needs where it asks only now and then whether somebody is there."""
        for _ in range(50):
            if self.silent == list(silent):
                return
            self.page.wait_for_timeout(200)
        raise AssertionError(self.silent)


def test_the_page_finds_out_that_a_connection_is_dead(chat: ChatPage) -> None:
    """A device that slept, a network that changed: nobody says so. It asks when somebody looks at it again, and now and
    then; whoever does not answer in eight seconds is given up, and the answer goes on, nothing twice."""
    page, lines = chat.page, Lines(chat.page)
    page.route_web_socket(re.compile("/ws/chat/"), lines.open)
    page.clock.install()
    chat.open()
    chat.send("Tell me three facts about bread.")
    chat.wait_for_words(1)
    lines.wait_for(True)
    before = settled(chat.answer)

    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.clock.fast_forward(8_000)
    lines.wait_for(True, True)
    page.clock.fast_forward(20_000)
    page.clock.fast_forward(8_000)
    lines.wait_for(True, True, False)

    chat.wait_until("done")
    streamed = chat.answer
    assert streamed.startswith(before) and len(streamed) > len(before)
    page.reload()
    assert chat.answer == streamed


def test_a_draft_outlives_a_reload(chat: ChatPage) -> None:
    """Half a message is work too."""
    chat.field.fill("Half a thou")
    chat.page.reload()
    expect(chat.field).to_have_value("Half a thou")


def settled(text: str) -> str:
    """All but the last word, which may still have been growing; and without what only an open block shows."""
    return re.sub(r"\S*$", "", text).rstrip(" .,;:*")
