"""On a phone: nothing that was written or answered is lost, and what an answer was made with is told."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.chat_page import ANSWER_MS, LONG_TEXT, ChatPage, Watch
from tests.browser.fitting import PHONE, misfits, spilled
from tests.browser.screen import WHOLE, tap, within_reach
from tests.browser.test_resume import settled
from tests.browser.test_steps import SUM
from tests.browser.test_talking import GOODBYE, HELLO, send
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def chat(new_context: Callable[..., BrowserContext], stack: Stack) -> ChatPage:
    """The empty page of a newcomer with a phone."""
    chat = ChatPage(new_context(**PHONE).new_page(), stack.url)
    chat.open()
    return chat


def a_waiting_message_fits_the_narrowest(chat: ChatPage) -> None:
    """A screen of 320 pixels shows what waits with all that can be done with it. It is removed again."""
    chat.field.fill(GOODBYE)
    tap(chat.page.get_by_role("button", name="Send when this answer is finished"))
    waiting = chat.page.locator(".queued")
    expect(waiting).to_contain_text(GOODBYE)
    chat.page.set_viewport_size({"width": 320, "height": 640})
    for button in waiting.get_by_role("button").all():
        within_reach(button)
    assert spilled(chat.page) == []
    chat.page.set_viewport_size(PHONE["viewport"])
    tap(waiting.get_by_role("button", name="Remove this message"))
    expect(waiting).to_have_count(0)


@pytest.mark.parametrize("line", ["websocket", "events"])
def test_an_answer_outlives_a_reload_and_is_stopped_in_a_second_tab(
    line: str, new_context: Callable[..., BrowserContext], stack: Stack
) -> None:
    """Whether the network lets websockets through or not. It is stopped with the button: a phone has no Escape."""
    context = new_context(**PHONE)
    if line == "events":
        context.route_web_socket(re.compile("/ws/chat/"), lambda socket: socket.close())
    streams: list[str] = []
    context.on("request", lambda request: streams.append(request.url) if "/sse/chat/" in request.url else None)
    chat = ChatPage(context.new_page(), stack.url)
    chat.open()
    send(chat, LONG_TEXT)
    chat.wait_for_words(8)
    before = settled(chat.answer)
    chat.page.reload()
    assert settled(chat.answer).startswith(before)
    a_waiting_message_fits_the_narrowest(chat)
    other = ChatPage(context.new_page(), stack.url)
    other.page.goto(chat.page.url)
    num_words = len(chat.answer.split())
    for tab in (chat, other):
        tab.wait_for_words(num_words + 3)
        expect(tab.page.locator("#connection")).to_be_hidden()
    assert bool(streams) is (line == "events")

    expect(other.send_button).to_have_accessible_name("Stop the answer")
    tap(other.send_button)
    for tab in (chat, other):
        tab.wait_until("cancelled")
        expect(tab.last.get_by_text("You stopped this answer.")).to_be_visible()
        assert misfits(tab.page) == []
    kept = chat.answer
    assert (kept.startswith(before), other.answer) == (True, kept)
    chat.page.reload()
    assert chat.answer == kept
    within_reach(chat.last.get_by_role("button", name="Continue"))


def test_what_is_written_without_a_connection_goes_out_by_itself(chat: ChatPage, watch: Watch) -> None:
    """It waits in sight, under a bar that says why. A reload shows it on the page that stands in for the chat, and when
    the connection is back it goes out, once."""
    watch.expected += ["Failed to load resource", "htmx:", "WebSocket connection", "ERR_INTERNET_DISCONNECTED"]
    page = chat.page
    send(chat, HELLO)
    chat.wait_until("done")
    page.evaluate("navigator.serviceWorker.ready")
    page.context.set_offline(True)
    bar = page.get_by_text("You are offline. What you write stays here.")
    expect(bar).to_be_in_viewport(ratio=WHOLE)
    chat.field.fill(GOODBYE)
    tap(chat.send_button)
    expect(chat.question).to_have_text(GOODBYE)
    expect(page.get_by_text("Waiting to be sent…").last).to_be_in_viewport(ratio=WHOLE)
    expect(bar).to_be_in_viewport(ratio=WHOLE)
    above, below = bar.bounding_box(), chat.question.bounding_box()
    assert above
    assert below
    assert above["y"] + above["height"] <= below["y"]
    assert misfits(page) == []

    page.reload()
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    expect(page.get_by_text(GOODBYE)).to_be_in_viewport(ratio=WHOLE)
    within_reach(page.get_by_role("link", name="Try again"))
    assert misfits(page) == []
    page.context.set_offline(False)
    expect(chat.question).to_have_text(GOODBYE, timeout=ANSWER_MS)
    chat.wait_until("done")
    page.reload()
    expect(page.locator(".turn [data-part=question]")).to_have_text([HELLO, GOODBYE])


def test_a_thumb_opens_steps_reports_an_answer_and_undoes_a_memory(chat: ChatPage, stack: Stack) -> None:
    """What was calculated, remembered and used is said under each answer; the flag says that the staff was told."""
    page = chat.page
    send(chat, SUM)
    chat.wait_until("done")
    step = chat.last.locator(".step")
    expect(step.locator("summary")).to_contain_text("Used the calculator")
    tap(step.locator("summary"))
    expect(step.locator("dd").first).to_have_text("17% of 2,340")
    expect(step.locator("dd").last).to_be_in_viewport(ratio=WHOLE)
    assert misfits(page) == []

    tap(chat.last.get_by_role("button", name="Report answer"))
    dialog = page.get_by_role("dialog", name="Report this answer")
    expect(dialog).to_be_in_viewport(ratio=WHOLE)
    tap(dialog.get_by_label("Wrong or misleading"))
    dialog.get_by_label("Anything to add?").fill("It is 398")
    tap(dialog.get_by_role("button", name="Report"))
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Reported")).to_be_disabled()
    page.reload()
    expect(page.get_by_role("button", name="Reported")).to_be_disabled()

    send(chat, "Remember that I like red wool.")
    chat.wait_until("done")
    remembered = chat.last.locator(".step")
    expect(remembered.locator("summary")).to_contain_text("I like red wool")
    send(chat, "Which wool is the warmest?")
    used = chat.last.locator("[data-part=used]")
    expect(used).to_be_visible()
    tap(chat.send_button)
    chat.wait_until("cancelled")
    tap(used.locator("summary"))
    expect(used.locator(".used-memory")).to_have_text(["I like red wool"])
    expect(used.locator(".used-memory")).to_be_in_viewport(ratio=WHOLE)
    assert misfits(page) == []
    undone = page.locator(".step").last
    tap(undone.get_by_role("button", name="Undo"))
    expect(undone.locator("summary")).to_contain_text("Forgotten")
    assert "I like red wool" not in stack.sql("SELECT text FROM personal_memory")
