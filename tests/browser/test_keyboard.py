"""Everything works from the keyboard, with the keys people know."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.chat_page import LONG_TEXT, ChatPage
from tests.browser.test_talking import SCREENS
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_a_whole_turn_without_a_mouse(chat: ChatPage) -> None:
    """The cursor is where one writes, comes back there, and Escape stops an answer."""
    keyboard = chat.page.keyboard
    expect(chat.field).to_be_focused()
    keyboard.type("Tell me a long story")
    keyboard.press("Shift+Enter")
    keyboard.type("about a llama, please.")
    chat.field.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})  # Safari's, for a character that is chosen
    expect(chat.field).to_have_value("Tell me a long story\nabout a llama, please.")
    keyboard.press("Enter")
    expect(chat.question).to_have_text("Tell me a long story\nabout a llama, please.")
    expect(chat.field).to_be_focused()
    chat.wait_for_words(4)
    keyboard.press("Escape")
    chat.wait_until("cancelled")
    keyboard.press("ArrowUp")
    changed = chat.page.get_by_label("Your message, changed")
    expect(changed).to_be_focused()
    expect(changed).to_have_value("Tell me a long story\nabout a llama, please.")
    keyboard.press("Escape")
    expect(changed).to_have_count(0)


def test_a_tablet_with_a_keyboard_sends_with_control_and_enter(
    new_context: Callable[..., BrowserContext], stack: Stack
) -> None:
    """Its Enter begins a new line, as on the keyboard of the screen; the list of keys says so."""
    chat = ChatPage(new_context(**SCREENS["phone"]).new_page(), stack.url)
    chat.open()
    chat.field.press_sequentially("Say hello")
    chat.field.press("Enter")
    chat.field.press_sequentially("in one short sentence.")
    expect(chat.field).to_have_value("Say hello\nin one short sentence.")
    chat.page.keyboard.press("Control+/")
    expect(chat.page.locator("#keys-dialog dd").first.locator("kbd")).to_have_text(["Ctrl", "Enter"])
    chat.page.keyboard.press("Escape")
    chat.field.press("Control+Enter")
    expect(chat.question).to_have_text("Say hello\nin one short sentence.")
    chat.wait_until("done")


def test_the_first_tab_stop_leads_to_the_content(chat: ChatPage) -> None:
    """Nobody should have to walk through a hundred chats to reach the page."""
    chat.page.get_by_role("link", name="New chat").first.focus()
    chat.page.evaluate("document.activeElement.blur()")
    chat.page.keyboard.press("Tab")
    skip = chat.page.get_by_role("link", name="Skip to content")
    while not skip.evaluate("link => link === document.activeElement"):
        chat.page.keyboard.press("Shift+Tab")
    expect(skip).to_be_in_viewport()
    chat.page.keyboard.press("Enter")
    expect(chat.page.locator("main")).to_be_focused()


def test_enter_keeps_the_message_while_an_answer_is_written(chat: ChatPage) -> None:
    """One answer at a time; what was typed meanwhile waits, and is held when the answer is stopped."""
    chat.send(LONG_TEXT)
    chat.field.fill("And then?")
    chat.field.press("Enter")
    expect(chat.field).to_have_value("")
    waiting = chat.page.get_by_role("list", name="Messages to be sent next")
    expect(waiting).to_contain_text("And then?")
    chat.page.keyboard.press("Escape")
    chat.wait_until("cancelled")
    expect(waiting.get_by_role("button", name="Send now")).to_be_visible()


def test_the_known_shortcuts(chat: ChatPage) -> None:
    """They are those of other assistants, and a list tells them."""
    keyboard = chat.page.keyboard
    keyboard.press("Control+/")
    expect(chat.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    keyboard.press("Escape")
    keyboard.press("Control+k")
    expect(chat.page.get_by_label("Search chats")).to_be_focused()
    keyboard.press("Escape")
    keyboard.press("Shift+Escape")
    expect(chat.field).to_be_focused()
    sidebar = chat.page.get_by_role("complementary")
    keyboard.press("Control+Shift+S")
    expect(sidebar).to_be_hidden()
    chat.page.reload()
    expect(sidebar).to_be_hidden()
    keyboard.press("Control+Shift+S")
    expect(sidebar).to_be_visible()
    chat.open("/about/")
    keyboard.press("Control+Shift+O")
    expect(chat.field).to_be_focused()


def test_menus_open_and_close_from_the_keyboard(chat: ChatPage) -> None:
    """Escape closes and gives the focus back to where it was."""
    button = chat.page.locator(".person-button")
    button.focus()
    chat.page.keyboard.press("Enter")
    expect(chat.page.get_by_role("link", name="About Cria")).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(chat.page.get_by_role("link", name="About Cria")).to_be_hidden()
    expect(button).to_be_focused()
