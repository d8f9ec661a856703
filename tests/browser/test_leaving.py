"""Taking along what one wrote, and going: every file is opened, every confirmation is given."""

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.fitting import PHONE, misfits, open_drawer
from tests.browser.test_account import prove
from tests.browser.test_people import PASSWORD, sign_up
from tests.browser.test_sharing import bring_along
from tests.browser.test_talking import SCREENS
from tests.stack import Stack
from tests.webapp.sharing import making

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

NewContext = Callable[..., BrowserContext]
SHOWN, OTHER = "Mild: **18 °C**.", "I cannot know."
"""The two answers to one question."""


def taken(page: Page, link: Locator, folder: Path) -> Path:
    """The file behind this link, under the name that a person finds it by."""
    with page.expect_download() as download:
        link.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
def test_a_chat_is_taken_along_with_its_branches(
    screen: Mapping[str, Any], new_context: NewContext, stack: Stack, tmp_path: Path
) -> None:
    """To read, to take elsewhere, and to open without a network, on the same screen."""
    chat = ChatPage(new_context(**screen).new_page(), stack.url)
    bring_along(chat, tmp_path, making.chatgpt())
    chat.page.get_by_role("button", name="Share", exact=True).click()
    dialog = chat.page.get_by_role("dialog", name="Share this chat")
    expect(dialog.get_by_role("button", name="Make a link")).to_be_visible()
    if screen is PHONE:
        assert misfits(chat.page) == []
    markdown, html, plain = (
        taken(chat.page, dialog.get_by_role("link", name=name, exact=True), tmp_path)
        for name in ("Markdown", "HTML", "JSON")
    )
    text = markdown.read_text()
    assert markdown.match("weather-in-lima-*.md")
    assert text.startswith("# Weather in Lima")
    assert text.index(SHOWN) < text.index("**Another version**") < text.index(OTHER)
    (found,) = json.loads(plain.read_text())["chats"]
    assert [reply["text"] for reply in found["replies"]] == [SHOWN, OTHER, "With pleasure."]

    page = chat.page
    chat.open("/import/")
    with zipfile.ZipFile(taken(page, page.get_by_role("link", name="Take all your chats along"), tmp_path)) as every:
        assert sorted(every.namelist()) == sorted(["chats.json", markdown.name, html.name])
    page.goto(html.as_uri())
    expect(page.get_by_text("Mild: 18 °C.")).to_be_visible()
    expect(page.get_by_text(OTHER)).to_be_hidden()
    page.locator("summary").click()
    expect(page.get_by_text(OTHER)).to_be_visible()
    if screen is PHONE:
        assert misfits(page) == []


def test_everything_is_taken_along_then_wiped_then_the_account_is_deleted(
    new_context: NewContext, stack: Stack, tmp_path: Path
) -> None:
    """A wrong word erases nothing; each time there is a receipt, and what is gone is gone from every page."""
    chat = ChatPage(new_context(**PHONE).new_page(), stack.url)
    page, main = chat.page, chat.page.get_by_role("main")
    bring_along(chat, tmp_path, making.chatgpt())
    sign_up(chat, "goes@example.org")
    chat.open("/settings/memory/")
    page.get_by_label("Something to remember").fill("I like figs")
    page.get_by_role("button", name="Add", exact=True).tap()
    expect(page.locator(".memory")).to_have_count(1)

    chat.open("/your-data/")
    expect(main.locator("[data-kind=chats] .num").first).to_have_text("1")
    main.get_by_role("button", name="Make an export").tap()
    download = main.get_by_role("link", name="Download")
    expect(download).to_be_visible(timeout=60_000)
    assert misfits(page) == []
    with zipfile.ZipFile(taken(page, download, tmp_path)) as export:
        chats = json.loads(export.read("chats/chats.json"))["chats"]
        assert [[reply["text"] for reply in chat["replies"]] for chat in chats] == [[SHOWN, OTHER, "With pleasure."]]
        assert {Path(name).suffix for name in export.namelist() if "weather-in-lima" in name} == {".md", ".html"}
        assert json.loads(export.read("account.json"))["email"] == "goes@example.org"
        assert [memory["text"] for memory in json.loads(export.read("memories.json"))] == ["I like figs"]
    address = download.get_attribute("href") or ""

    main.get_by_role("link", name="Wipe my data").tap()
    main.get_by_label("Type “delete” to go on").fill("erase")
    main.get_by_role("button", name="Wipe my data").tap()
    expect(main.get_by_role("alert")).to_contain_text("Please type “delete”.")
    assert misfits(page) == []
    main.get_by_label("Type “delete” to go on").fill("Delete")
    main.get_by_role("button", name="Wipe my data").tap()
    expect(main.get_by_role("heading", name="Your data is erased")).to_be_visible()
    assert misfits(page) == []
    number = page.url.rstrip("/").rpartition("/")[2]
    receipt = taken(page, main.get_by_role("link", name="Download as text"), tmp_path).read_text()
    assert receipt.startswith(f"Receipt {number}\n")
    for kind in ("Chats", "Memories"):
        expect(main.locator(".facts > div").filter(has=page.get_by_text(kind, exact=True))).to_contain_text("1 erased")
        assert f"{kind}: 1\n" in receipt
    expect(page.locator(".person-button")).to_contain_text("goes")
    open_drawer(chat)
    expect(chat.sidebar).to_contain_text("Your chats will be listed here.")
    assert page.request.get(chat.url + address).status == 404
    chat.open("/your-data/")
    expect(main.get_by_text("The assistant remembers nothing about you.")).to_be_visible()

    main.get_by_role("link", name="Delete my account").tap()
    prove(page)
    assert misfits(page) == []
    main.get_by_label("Type “delete” to go on").fill("delete")
    main.get_by_role("button", name="Delete my account").tap()
    expect(main.get_by_role("heading", name="Your account is deleted")).to_be_visible()
    expect(page.locator(".person-button")).to_contain_text("Guest")
    assert misfits(page) == []
    chat.open("/accounts/login/")
    main.get_by_label("Email").fill("goes@example.org")
    main.get_by_label("Password").fill(PASSWORD)
    main.get_by_role("button", name="Log in").tap()
    expect(main.get_by_role("alert")).to_contain_text("not correct")
