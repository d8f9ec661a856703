"""Sharing a chat, reading it as somebody else, going on with it; bringing chats along; formulas on the page."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import dateformat
from playwright.sync_api import BrowserContext, expect

from tests.browser.chat_page import ChatPage
from tests.browser.fitting import PHONE, misfits
from tests.stack import Stack
from tests.webapp.sharing import making

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

NewContext = Callable[..., BrowserContext]
SEEN_ON_ITS_BUTTON = """(button) => {
  button.dataset.copied = ""; // for good, and not for a moment
  return getComputedStyle(button.querySelector(".icon-after")).color === getComputedStyle(button).color;
}"""
IMPORTED_MS = 120_000  # the workers do this last


def choose(chat: ChatPage, folder: Path, *documents: dict[str, Any]) -> None:
    """A file with these, on the page that imports."""
    file = folder / "conversations.json"
    file.write_text(json.dumps(documents))
    chat.open("/import/")
    with chat.page.expect_file_chooser() as chooser:
        chat.page.get_by_label("Export file").click()
    chooser.value.set_files(file)


def bring_along(chat: ChatPage, folder: Path, *documents: dict[str, Any]) -> None:
    """Import the chat about the weather from a file with these, and open it."""
    page = chat.page
    choose(chat, folder, *documents)
    expect(page.get_by_role("checkbox", name=re.compile("Weather in Lima"))).to_be_checked()
    page.get_by_role("checkbox", name="All").uncheck()
    page.get_by_role("checkbox", name=re.compile("Weather in Lima")).check()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("1 chat was imported.")).to_be_visible(timeout=IMPORTED_MS)
    if (opens := page.get_by_role("button", name="Open sidebar")).is_visible():
        opens.click()
    chat.conversation("Weather in Lima").get_by_role("link").first.click()
    expect(page.get_by_text("Imported from ChatGPT")).to_be_visible()
    chat.arrive()


def test_a_chat_is_shared_read_continued_and_revoked(
    chat: ChatPage, new_context: NewContext, stack: Stack, tmp_path: Path
) -> None:
    """By somebody who has never been here, on a phone; then its owner ends it."""
    page = chat.page
    expect(page.get_by_role("button", name="Share", exact=True)).to_be_hidden()
    document = making.chatgpt()
    document["mapping"]["q1"]["message"]["content"]["parts"] = ["Write to eve@example.org about Bob"]
    bring_along(chat, tmp_path, document)
    page.get_by_role("button", name="Share", exact=True).click()
    dialog = page.get_by_role("dialog", name="Share this chat")
    expect(dialog.locator(".hidden-list")).to_contain_text("eve@example.org")
    dialog.get_by_label("Hide these words too").fill("Bob")
    expect(dialog.locator(".hidden-list")).to_contain_text("Bob")
    dialog.get_by_label("Only chosen turns").check()
    expect(dialog.get_by_role("checkbox", name=re.compile("Write to"))).to_be_checked()
    dialog.get_by_role("checkbox", name="Thank you").uncheck()
    dialog.get_by_role("button", name="Make a link").click()
    address = dialog.get_by_label("Link", exact=True).input_value()
    assert address.startswith(f"{stack.url}/s/")

    context = new_context(viewport={"width": 390, "height": 844})
    reader = context.new_page()
    reader.goto(address)
    expect(reader.get_by_text("A shared chat", exact=True)).to_be_visible()
    expect(reader.locator(".bubble")).to_have_text("Write to [e-mail address hidden] about [hidden]")
    assert context.cookies() == []
    assert reader.evaluate("document.documentElement.scrollWidth") <= 390
    reader.get_by_role("link", name="Continue in my own chat").click()
    reader.get_by_role("button", name="Continue").click()
    expect(reader).to_have_url(re.compile("/c/"))
    expect(reader.locator(".bubble").first).to_contain_text("[hidden]")

    dialog.get_by_role("link", name="Your links").click()
    expect(page.get_by_text("1 view", exact=False)).to_be_visible()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Revoked")).to_be_visible()
    gone = reader.request.get(address)
    assert gone.status == 404


def test_chats_are_brought_along(chat: ChatPage, tmp_path: Path) -> None:
    """Previewed, one of them left out, and found in the sidebar; its formula is MathML, and is copied as written."""
    document = making.chatgpt()
    document["mapping"]["a2"]["message"]["content"]["parts"] = ["It is $\\frac{1}{2}$."]
    page = chat.page
    too_large = tmp_path / "chatgpt.zip"
    with too_large.open("wb") as file:
        file.truncate(50 * 1024 * 1024 + 1)
    chat.open("/import/")
    page.get_by_label("Export file").set_input_files(too_large)  # it is not sent
    expect(page.get_by_text("Put its conversations.json into a zip file with nothing else in it")).to_be_visible()
    bring_along(chat, tmp_path, document, making.open_webui())
    expect(chat.conversation("Haiku")).to_have_count(0)
    expect(chat.last.locator("math mfrac")).to_be_visible()
    assert chat.last.locator("math").bounding_box()["height"] > 20  # type: ignore[index]  # a fraction, not its letters
    expect(chat.last.locator("math annotation")).to_be_hidden()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    chat.last.get_by_role("button", name="Copy answer").click()
    expect(chat.last.locator("[data-do=copy][data-copied]")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "It is $\\frac{1}{2}$."
    expect(chat.last.locator("math")).to_have_count(1)


def test_chats_of_three_products_arrive_on_a_phone_and_one_is_shared(
    new_context: NewContext, stack: Stack, tmp_path: Path
) -> None:
    """Chosen, previewed and found; then a link for one day that hides names, is counted, and is ended."""
    context = new_context(**PHONE, timezone_id="UTC")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    chat = ChatPage(context.new_page(), stack.url)
    page, main = chat.page, chat.page.get_by_role("main")
    asked = making.claude_message("m1", "human", {"type": "text", "text": "Write to eve@example.org about Bob"})
    told = making.claude_message("m2", "assistant", {"type": "text", "text": "Dear Eve, Bob builds bridges."})
    exports = {
        "Weather in Lima ChatGPT": making.chatgpt(),
        "Haiku Open WebUI": making.open_webui(),
        "Bridges Claude": making.claude(asked, told),
    }
    for name, document in exports.items():
        choose(chat, tmp_path, document)
        expect(main.get_by_role("checkbox", name=name)).to_be_checked()
        assert misfits(page) == []
        with page.expect_navigation():
            main.get_by_role("button", name="Import", exact=True).tap()
        expect(main.get_by_text("1 chat was imported.")).to_be_visible(timeout=IMPORTED_MS)
    main.get_by_role("link", name="See your chats").tap()
    expect(main.locator(".chat-row")).to_have_count(3)
    main.get_by_role("link", name="Bridges").tap()

    page.get_by_role("button", name="Share", exact=True).tap()
    dialog = page.get_by_role("dialog", name="Share this chat")
    dialog.get_by_label("Hide these words too").fill("Bob")
    expect(dialog.locator(".hidden-list li")).to_have_text(["eve@example.org", "Bob"])
    dialog.get_by_label("The link works for").select_option("1 day")
    assert misfits(page) == []
    dialog.get_by_role("button", name="Make a link").tap()
    day = dateformat.format(datetime.now(UTC) + timedelta(days=1), "N j, Y")
    expect(dialog.get_by_role("status")).to_have_text(re.compile(rf"It works until {day}, .+ \(UTC\)\.$"))
    dialog.get_by_role("button", name="Copy link").tap()
    expect(page.locator("#announcer")).to_have_text("Link copied")
    assert dialog.locator("[data-copy-from]").evaluate(SEEN_ON_ITS_BUTTON)
    assert misfits(page) == []
    address = page.evaluate("navigator.clipboard.readText()")
    reader = new_context().new_page()
    reader.goto(address)
    expect(reader.locator(".bubble")).to_have_text("Write to [e-mail address hidden] about [hidden]")
    expect(reader.get_by_text("Dear Eve, [hidden] builds bridges.")).to_be_visible()

    dialog.get_by_role("link", name="Your links").tap()
    link = main.locator(".record")
    expect(link).to_contain_text("Bridges")
    expect(link).to_contain_text("1 view")
    expect(link).to_contain_text(f"until {day}")
    expect(link.locator(".icon-before")).to_be_visible()
    expect(link.locator(".icon-after")).to_be_hidden()
    assert misfits(page) == []
    link.get_by_role("button", name="Revoke").tap()
    expect(link.get_by_text("Revoked")).to_be_visible()
    expect(link.get_by_role("button", name="Copy link")).to_have_count(0)
    assert misfits(page) == []
    assert reader.request.get(address).status == 404
