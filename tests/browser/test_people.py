"""Guests become members and keep everything; who logs out leaves nothing behind."""

import pytest
from playwright.sync_api import expect

from tests.browser.chat_page import ChatPage, Watch

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PASSWORD = "wool-on-the-high-plain-9"


def sign_up(chat: ChatPage, email: str) -> None:
    chat.page.get_by_role("banner").get_by_role("link", name="Sign up").click()
    chat.page.get_by_label("Email").fill(email)
    chat.page.get_by_label("Password", exact=True).fill(PASSWORD)
    chat.page.get_by_label("Password (again)").fill(PASSWORD)
    chat.page.get_by_role("main").get_by_role("button", name="Sign up").click()
    expect(chat.page.locator(".person-button")).to_contain_text(email.partition("@")[0])
    chat.arrive()


def log_out(chat: ChatPage) -> None:
    chat.page.locator(".person-button").click()
    chat.page.get_by_role("button", name="Log out").click()
    expect(chat.page.locator(".person-button")).to_contain_text("Guest")


def test_signing_up_keeps_the_chats(chat: ChatPage) -> None:
    """The guest is the same person afterwards: same chats, same addresses."""
    chat.send("Say hello in one short sentence.")
    chat.wait_until("done")
    address, answer = chat.page.url, chat.answer
    sign_up(chat, "keeps@example.org")
    expect(chat.conversation("Say hello in one short sentence")).to_be_visible()
    chat.page.goto(address)
    assert chat.answer == answer


def test_logging_in_brings_the_chats_of_this_browser(chat: ChatPage) -> None:
    """Somebody who has an account and forgot to log in loses nothing by it."""
    sign_up(chat, "returns@example.org")
    log_out(chat)
    chat.open()
    chat.send("Say hello in one short sentence.")
    chat.wait_until("done")
    chat.page.get_by_role("banner").get_by_role("link", name="Log in").click()
    chat.page.get_by_label("Email").fill("returns@example.org")
    chat.page.get_by_label("Password").fill(PASSWORD)
    chat.page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(chat.conversation("Say hello in one short sentence")).to_be_visible()


def test_logging_out_leaves_nothing_written_in_the_browser(chat: ChatPage) -> None:
    """Drafts and unsent messages are private; the next person at this browser must not find them."""
    sign_up(chat, "leaves@example.org")
    chat.open()
    chat.field.fill("Something private")
    log_out(chat)
    assert chat.page.evaluate("JSON.stringify(localStorage)").count("private") == 0


def delete(chat: ChatPage, title: str) -> None:
    chat.conversation(title).hover()
    chat.conversation(title).get_by_role("button", name="Options").click()
    chat.page.get_by_role("button", name="Delete").click()
    dialog = chat.page.get_by_role("dialog")
    expect(dialog).to_contain_text(title)
    dialog.get_by_role("button", name="Delete").click()


def test_chats_are_renamed_and_deleted(chat: ChatPage, watch: Watch) -> None:
    """The list is kept by the server, and the page follows it without a reload. What cannot be done is said.

    With a chat goes what was written in it and not sent.
    """
    watch.expected += ["Failed to load resource", "htmx:"]
    chat.send("Say hello in one short sentence.")
    chat.wait_until("done")
    item = chat.conversation("Say hello")
    item.hover()
    item.get_by_role("button", name="Options").click()
    chat.page.get_by_role("button", name="Rename").click()
    chat.page.keyboard.type("Greetings")
    chat.page.keyboard.press("Enter")
    renamed = chat.conversation("Greetings")
    expect(renamed).to_be_visible()

    address = chat.page.url
    chat.page.locator(".question [data-do=edit]").click()
    chat.page.locator(".edit textarea").fill("Half a thought")
    chat.field.fill("And half another")
    chat.page.reload()
    expect(chat.field).to_have_value("And half another")
    chat.page.locator(".question [data-do=edit]").click()
    expect(chat.page.locator(".edit textarea")).to_have_value("Half a thought")
    chat.page.context.set_offline(True)
    delete(chat, "Greetings")
    complaint = chat.page.locator("#announcer.toast")
    expect(complaint).to_have_text("This did not get through. Please try again.")
    expect(complaint).to_be_in_viewport()
    expect(chat.page).to_have_url(address)  # it is there as before
    expect(renamed).to_be_visible()
    chat.page.context.set_offline(False)
    delete(chat, "Greetings")
    expect(chat.page).to_have_url(chat.url + "/")
    expect(chat.page.get_by_text("Your chats will be listed here.")).to_be_visible()
    gone = address.split("/")[-2]
    kept = chat.page.evaluate("Object.keys(localStorage)")
    assert not [key for key in kept if gone in key or key.startswith("cria.edits.")]
