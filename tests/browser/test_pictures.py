"""A picture is drawn, from the wish to what is seen, on a desk and on a phone, and by its owner only."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.chat_page import ChatPage, Watch
from tests.browser.test_axe import wrong_on
from tests.browser.test_budget import NOTE_SHIFTS
from tests.image_server import ImageServer
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

WISH = "Draw a picture of a llama in a hat."
IS_SEEN = "image => image.complete && image.naturalWidth > 0"


@pytest.fixture
def drawing_waits(image_server: ImageServer) -> Iterator[ImageServer]:
    """Nothing is drawn until the test allows it."""
    image_server.is_drawing_allowed.clear()
    image_server.was_left.clear()
    yield image_server
    image_server.is_drawing_allowed.set()


def test_a_wish_becomes_a_picture(
    chat: ChatPage,
    watch: Watch,
    new_context: Callable[..., BrowserContext],
    drawing_waits: ImageServer,
) -> None:
    """While it is drawn the page says so; then it is there, for good, and nothing jumps when it is loaded."""
    chat.send(WISH)
    step = chat.last.locator(".step")
    expect(step.locator("[data-part=title]")).to_have_text("Drawing a picture…")
    expect(chat.last.locator(".status")).to_be_hidden()
    drawing_waits.is_drawing_allowed.set()
    chat.wait_until("done")
    for is_fresh in (True, False):
        expect(step.locator("[data-part=title]")).to_have_text("Drew a picture")
        image = chat.last.get_by_role("img", name="a llama in a hat")
        image.scroll_into_view_if_needed()
        chat.page.wait_for_function(IS_SEEN, arg=image.element_handle())
        assert image.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [64, 48]
        expect(chat.body).to_have_text("Here is your picture.")
        expect(chat.last.locator("figcaption")).to_contain_text("Nobody has checked what it shows.")
        if is_fresh:
            chat.page.reload()
            chat.arrive()
            chat.page.evaluate(NOTE_SHIFTS)
    assert chat.page.evaluate("window.shift") < 0.02
    found = wrong_on(chat.page)
    address = chat.last.locator("figure > a").get_attribute("href")
    assert address
    assert chat.page.request.get(chat.url + address).headers["content-type"] == "image/png"
    assert new_context().request.get(chat.url + address).status == 404
    chat.page.set_viewport_size({"width": 360, "height": 740})
    assert chat.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert found + wrong_on(chat.page) == []


def test_a_stop_ends_the_drawing(chat: ChatPage, drawing_waits: ImageServer, stack: Stack) -> None:
    """At the server that draws, too. What is not there is not shown."""
    chat.send(WISH)
    expect(chat.last.locator(".step [data-part=title]")).to_have_text("Drawing a picture…")
    expect(chat.send_button).to_have_accessible_name("Stop the answer")
    chat.send_button.click()
    chat.wait_until("cancelled")
    assert drawing_waits.was_left.wait(20)
    expect(chat.last.locator("figure")).to_have_count(0)
    assert stack.sql("SELECT COUNT(*) FROM chat_picture WHERE reply_id = ?", chat.reply_id.replace("-", "")) == [0]
