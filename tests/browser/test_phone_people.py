"""On a phone: chats are renamed and deleted in the drawer, and who logs out there leaves nothing behind."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.chat_page import ChatPage
from tests.browser.fitting import PHONE, misfits, open_drawer
from tests.browser.screen import WHOLE, tap
from tests.browser.test_people import PASSWORD, sign_up
from tests.browser.test_talking import HELLO, send
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def choose(chat: ChatPage, title: str, item: str) -> None:
    """From the menu of a chat in the drawer."""
    tap(chat.conversation(title).get_by_role("button", name="Options"))
    tap(chat.page.locator("#chat-menu").get_by_role("button", name=item, exact=True))


def test_a_member_keeps_the_chats_and_the_phone_keeps_nothing(
    new_context: Callable[..., BrowserContext], stack: Stack
) -> None:
    """The phone may be lent: a draft is gone with who wrote it, and the chats come back with who logs in."""
    chat = ChatPage(new_context(**PHONE).new_page(), stack.url)
    page = chat.page
    chat.open()
    sign_up(chat, "thumb@example.org")
    chat.open()
    send(chat, HELLO)
    chat.wait_until("done")
    open_drawer(chat)
    choose(chat, "Say hello", "Rename")
    page.keyboard.type("Greetings")
    page.keyboard.press("Enter")
    expect(chat.conversation("Greetings")).to_be_in_viewport(ratio=WHOLE)
    page.keyboard.press("Escape")
    chat.field.fill("Something private")
    open_drawer(chat)
    tap(page.locator(".person-button"))
    tap(page.get_by_role("button", name="Log out"))
    expect(page.locator(".person-button")).to_contain_text("Guest")
    assert "private" not in page.evaluate("JSON.stringify(localStorage)")

    open_drawer(chat)
    expect(chat.conversation("Greetings")).to_have_count(0)
    tap(page.locator(".person-button"))
    tap(page.locator("#person-menu").get_by_role("link", name="Log in"))
    page.get_by_label("Email").fill("thumb@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    assert misfits(page) == []
    tap(page.get_by_role("main").get_by_role("button", name="Log in"))
    expect(page.locator(".person-button")).to_contain_text("thumb")
    chat.arrive()
    open_drawer(chat)
    choose(chat, "Greetings", "Delete")
    dialog = page.get_by_role("dialog").filter(has_text="Greetings")
    expect(dialog).to_be_in_viewport(ratio=WHOLE)
    tap(dialog.get_by_role("button", name="Delete"))
    expect(page.get_by_text("Your chats will be listed here.")).to_be_visible()
