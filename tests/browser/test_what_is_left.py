"""What a page says of the messages that are left, of the place in the line, and of a model that is away."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.fitting import spilled
from tests.browser.screen import WHOLE
from tests.browser.test_reply import Apply, apply, page, snapshot
from tests.browser.test_talking import chat

__all__ = ["apply", "chat", "page"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

Tell = Callable[..., None]


@pytest.fixture
def tell(chat: ChatPage) -> Tell:
    """What the server says is left."""
    chat.page.clock.install(time="2026-05-01T14:00:00")
    chat.page.evaluate(
        """async () => {
          const { showLimits } = await import("/static/js/limits.js");
          window.server = new EventTarget();
          showLimits(document.getElementById("limits"), window.server);
        }"""
    )

    def tell(left: int, next_in_s: int, full_in_s: int, limit: int = 20) -> None:
        limits = {"limit": limit, "left": left, "next_in_s": next_in_s, "full_in_s": full_in_s}
        chat.page.evaluate(
            "(limits) => window.server.dispatchEvent(new CustomEvent('ready', { detail: { limits } }))", limits
        )

    return tell


def stands_over_the_field(said: Locator, chat: ChatPage) -> None:
    """It can be read, beside which one goes on writing, on a desktop and on a phone."""
    expect(said).to_be_in_viewport(ratio=WHOLE)
    expect(chat.field).to_be_in_viewport(ratio=WHOLE)
    above, below = said.bounding_box(), chat.field.bounding_box()
    assert above
    assert below
    assert above["y"] + above["height"] <= below["y"]
    assert spilled(chat.page) == []


def test_the_limit_is_worth_a_word_when_a_quarter_is_left(chat: ChatPage, tell: Tell) -> None:
    """Before that it would only worry people."""
    line = chat.page.locator("#limits")
    tell(6, 120, 2520)
    expect(line).to_be_hidden()
    tell(5, 300, 2820)
    expect(line).to_have_text("5 of 20 messages left, more at 02:05 PM")
    stands_over_the_field(line, chat)
    chat.page.clock.fast_forward(301_000)
    expect(line).to_be_hidden()


def test_the_last_message_is_worth_a_word_however_few_there_are(chat: ChatPage, tell: Tell) -> None:
    """A quarter of three is less than one. Where one is all there is, nothing is missing."""
    line = chat.page.locator("#limits")
    tell(2, 300, 300, limit=3)
    expect(line).to_be_hidden()
    tell(1, 300, 1500, limit=3)
    expect(line).to_be_visible()
    expect(line).to_have_text("1 of 3 messages left, more at 02:05 PM")
    tell(1, 0, 0, limit=1)
    expect(line).to_be_hidden()


def test_who_has_none_left_sees_the_time_run(chat: ChatPage, tell: Tell) -> None:
    """And then how many there are again."""
    line = chat.page.locator("#limits")
    tell(0, 150, 3570)
    expect(line).to_have_text("No messages left. The next one can go out in 2:30.")
    stands_over_the_field(line, chat)
    chat.page.clock.run_for(60_000)
    expect(line).to_have_text("No messages left. The next one can go out in 1:30.")
    chat.page.clock.run_for(91_000)
    expect(line).to_have_text("1 of 20 messages left, more at 02:05 PM")


def test_who_waits_sees_their_place(chat: ChatPage, page: Page, apply: Apply) -> None:
    """Until the answer begins."""
    words = page.locator(".turn:last-child [data-says=queued]")
    for before, text in ((2, "2 people are before you, about 20 s"), (1, "1 person is before you, about 20 s")):
        apply("0-0", "snapshot", **snapshot(state="queued", phase="queued", queue={"before": before, "wait_s": 20}))
        expect(words).to_have_text(text)
        stands_over_the_field(words, chat)
    apply("0-0", "snapshot", **snapshot(state="queued", phase="queued", queue={"before": 0, "wait_s": 9}))
    expect(words).to_have_text("You are next, about 9 s")
    apply("0-0", "snapshot", **snapshot(state="queued", phase="queued", queue=None))
    expect(words).to_have_text("Waiting for a free place…")


def test_while_the_model_is_away_one_reads_for_how_long_and_who_is_next(
    chat: ChatPage, page: Page, apply: Apply
) -> None:
    """The place is that of one's own message, and goes when it is answered."""
    page.evaluate(
        """async () => {
          const { showAbsence } = await import("/static/js/model_away.js");
          window.server = new EventTarget();
          const parts = { socket: window.server, turns: document.getElementById("turns"), address: "/model/" };
          showAbsence(document.getElementById("model-away"), parts);
        }"""
    )
    banner = page.locator("#model-away")
    waits = snapshot(state="queued", phase="queued", reply=page.evaluate("window.view.id"))
    said = (
        (None, 2, "Nobody knows how long", "2 messages are before yours."),
        (130, 0, "2 minutes;", "Yours is the next"),
    )
    for for_s, before, how_long, place in said:
        page.evaluate(
            "(away) => window.server.dispatchEvent(new CustomEvent('ready', { detail: { away } }))", {"for_s": for_s}
        )
        apply("0-0", "snapshot", **{**waits, "queue": {"before": before, "wait_s": 20}})
        expect(banner.locator("[data-part=for]")).to_contain_text(how_long)
        expect(banner.locator("[data-part=place]")).to_contain_text(place)
        stands_over_the_field(banner, chat)
    apply("1-1", "snapshot", **{**waits, "state": "running"})
    expect(banner.locator("[data-part=place]")).to_be_empty()
