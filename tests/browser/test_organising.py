"""Chats are found and kept in order, with a mouse, the keyboard alone, and a thumb on a phone."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from tests.browser.chat_page import ANSWER_MS, ChatPage
from tests.browser.fitting import PHONE, misfits, open_drawer
from tests.browser.test_sharing import IMPORTED_MS, choose
from tests.stack import Stack
from tests.webapp.sharing import making

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

NewContext = Callable[..., BrowserContext]


def ended(chat: ChatPage) -> None:
    """Whatever the model made of it: what matters is that the chat is there."""
    expect(chat.last).to_have_attribute("data-state", re.compile("done|blocked"), timeout=ANSWER_MS)


def start(chat: ChatPage, *texts: str) -> None:
    for text in texts:
        chat.open()
        chat.send(text)
        ended(chat)


def menu(chat: ChatPage, title: str, item: str) -> None:
    """Open the menu of a chat and choose from it."""
    row = chat.conversation(title)
    row.hover()
    row.get_by_role("button", name="Options").click()
    chat.page.locator("#chat-menu").get_by_role("button", name=item, exact=True).click()


def group(chat: ChatPage, heading: str) -> Locator:
    return chat.sidebar.locator("section", has=chat.page.get_by_role("heading", name=heading))


def folder(chat: ChatPage, name: str) -> Locator:
    return chat.sidebar.locator("details", has_text=name)


def test_pins_folders_tags_and_the_archive(chat: ChatPage) -> None:
    """Everything the menu of a chat offers, and the list follows without a reload."""
    start(chat, "Say hello to Ada.", "Say hello to Bob.")
    menu(chat, "Ada", "Pin")
    expect(group(chat, "Pinned")).to_contain_text("Ada")
    menu(chat, "Ada", "Unpin")
    expect(group(chat, "Pinned")).to_be_hidden()

    menu(chat, "Ada", "Move to a folder")
    dialog = chat.page.get_by_role("dialog")
    dialog.get_by_label("New folder").fill("Greetings")
    dialog.get_by_role("button", name="Move").click()
    expect(dialog).to_be_hidden()
    expect(folder(chat, "Greetings").locator(".conversation")).to_have_count(1)
    folder(chat, "Greetings").locator("summary").click()
    chat.page.reload()
    expect(chat.conversation("Ada")).to_be_hidden()
    folder(chat, "Greetings").locator("summary").click()
    expect(chat.conversation("Ada")).to_be_visible()

    menu(chat, "Bob", "Tags")
    dialog.get_by_label("New tag").fill("friends")
    dialog.get_by_label("New tag").press("Enter")
    expect(dialog.get_by_role("button", name="Remove the tag friends")).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    menu(chat, "Bob", "Archive")
    expect(chat.conversation("Bob")).to_be_hidden()
    chat.sidebar.get_by_role("link", name="Archive").click()
    expect(chat.page.get_by_role("main")).to_contain_text("Bob")
    expect(chat.page.get_by_role("main").get_by_role("link", name="friends").first).to_be_visible()

    chat.page.get_by_role("button", name="Options for the folder Greetings").click()
    dialog.get_by_role("button", name="Delete the folder").click()
    expect(folder(chat, "Greetings")).to_be_hidden()
    expect(chat.conversation("Ada")).to_be_visible()


def test_a_copy_of_a_chat_opens(chat: ChatPage) -> None:
    """Of all of it, or up to one answer; there the button is reached with the keyboard, too."""
    start(chat, "Say hello to Ada.")
    address, answer = chat.page.url, chat.answer
    menu(chat, "Ada", "Duplicate")
    expect(chat.page).not_to_have_url(address)
    expect(chat.question).to_have_text("Say hello to Ada.")
    assert chat.answer == answer
    chat.send("Say it once more.")
    chat.wait_until("done")
    address = chat.page.url
    first = chat.page.locator(".turn").first
    first.get_by_role("button", name="Copy answer").focus()
    chat.page.keyboard.press("Tab")
    chat.page.keyboard.press("Tab")
    expect(first.get_by_role("button", name="Copy the chat up to here")).to_be_focused()
    chat.page.keyboard.press("Enter")
    expect(chat.page).not_to_have_url(address)
    expect(chat.page.locator(".turn [data-part=question]")).to_have_text(["Say hello to Ada."])
    assert chat.answer == answer


def test_the_palette_finds_a_sentence_by_keyboard_alone(chat: ChatPage) -> None:
    """As one types; arrows and Enter; inside one chat too."""
    start(chat, "Say hello to the zebra.", "Say hello to the walrus.")
    keyboard = chat.page.keyboard
    keyboard.press("Control+k")
    field = chat.page.get_by_label("Search chats")
    expect(field).to_be_focused()
    options = chat.page.get_by_role("option")
    expect(options.filter(has_text="Library")).to_be_visible()
    keyboard.type("zeb")
    hit = options.filter(has_text="You")
    expect(hit.locator("mark")).to_have_text("zebra")
    keyboard.press("ArrowDown")
    expect(hit.first).to_have_attribute("aria-selected", "true")
    keyboard.press("Enter")
    chat.page.wait_for_url(re.compile(r"/c/[^/]+/\?at=.{36}&q=zeb$"))  # and until its scripts have run

    keyboard.press("Control+k")
    chat.page.get_by_text("In this chat", exact=True).click()
    field.fill("walrus")
    expect(chat.page.get_by_text("These words are in none of your chats.")).to_be_visible()
    chat.page.get_by_role("dialog").get_by_text("All chats", exact=True).first.click()
    expect(options.filter(has_text="walrus").first).to_be_visible()

    # Other words for it, once what was said is embedded: a moment after the answer.
    similar = chat.page.get_by_role("listbox", name="Similar in meaning").get_by_role("option")
    while not similar.count():
        field.fill("")
        with chat.page.expect_response(lambda response: "/search/similar/" in response.url):
            field.fill("greet a striped animal")
        expect(chat.page.get_by_text("Searching by meaning…")).to_be_hidden()
    expect(chat.page.locator("[data-part=similar-status]")).to_have_text(re.compile("similar in meaning$"))
    hit = similar.filter(has_text="Say hello to the zebra.").filter(has_text="You")
    while hit.get_attribute("aria-selected") != "true":
        keyboard.press("ArrowDown")
    keyboard.press("Enter")
    chat.page.wait_for_url(re.compile(r"/c/[^/]+/\?at=.{36}&chars=\d+-\d+$"))
    chat.page.wait_for_function("() => CSS.highlights.has('found')")
    assert chat.page.evaluate("[...CSS.highlights.get('found')].join()") == "Say hello to the zebra"


def test_many_chats_are_selected_and_deleted(chat: ChatPage) -> None:
    """Shift takes all between; it is asked once, with how many. What was begun in them leaves the browser, too."""
    page = chat.page
    for text in ("Say one.", "Say two.", "Say three."):
        start(chat, text)
        chat.field.fill("And half a question")
    chat.open("/chats/")
    page.get_by_role("button", name="Select").click()
    boxes = page.get_by_role("main").get_by_role("checkbox")
    boxes.first.check()
    boxes.last.click(modifiers=["Shift"])
    expect(page.get_by_text("3 chats selected")).to_be_visible()
    boxes.nth(1).uncheck()
    expect(page.get_by_text("2 chats selected")).to_be_visible()
    page.get_by_role("main").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 chats will be gone for good.")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("2 chats were deleted.")).to_be_visible()
    expect(chat.sidebar.locator(".conversation")).to_have_count(1)
    left = chat.sidebar.locator(".conversation").get_attribute("data-conversation")
    kept = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('cria.drafts.'))")
    assert kept == [f"cria.drafts.{left}"]


def test_an_answer_that_came_elsewhere_has_a_dot(chat: ChatPage) -> None:
    """A chat that is left while it answers lives, then has news; looking at it takes the dot away."""
    chat.send("Say hello to Ada.")
    chat.page.get_by_role("link", name="All chats").click()
    row = chat.conversation("Ada")
    expect(row.get_by_text("New answer")).to_be_attached(timeout=ANSWER_MS)
    row.get_by_role("link").click()
    ended(chat)
    chat.open("/about/")
    expect(chat.conversation("Ada")).to_be_visible()
    expect(row.get_by_text("New answer")).not_to_be_attached()


def test_on_a_phone(new_context: NewContext, stack: Stack) -> None:
    """The drawer, the menu as a sheet by a long press, the palette and the list: nothing is too wide or too small."""
    chat = ChatPage(new_context(**PHONE).new_page(), stack.url)
    chat.open()
    page = chat.page
    # It fits, but not beside one button more.
    chat.field.evaluate("(field) => field.placeholder = 'Frag, was du möchtest'")
    height = chat.field.evaluate("(field) => field.offsetHeight")
    chat.field.fill("Say hello to Ada.")
    chat.send_button.tap()
    expect(chat.field).to_have_value("")
    assert chat.field.evaluate("(field) => field.offsetHeight") == height
    ended(chat)
    page.get_by_role("button", name="Open sidebar").tap()
    chat.conversation("Ada").dispatch_event("contextmenu")
    sheet = page.locator("#chat-menu")
    expect(sheet).to_be_visible()
    sizes = sheet.locator("button:visible").evaluate_all(
        "all => all.map((each) => each.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 44
    sheet.get_by_role("button", name="Pin", exact=True).tap()
    expect(group(chat, "Pinned")).to_contain_text("Ada")
    page.get_by_role("link", name="Search", exact=True).tap()
    page.get_by_label("Search chats").fill("ada")
    expect(page.get_by_role("option").filter(has_text="Ada").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.keyboard.press("Escape")
    for path in ("/chats/", "/archive/", "/search/?q=ada"):
        chat.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    chat.open("/chats/")
    page.get_by_role("button", name="Select").tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def talk(title: str, question: str, answer: str) -> dict[str, Any]:
    """A chat to bring along, with this question first and this answer last."""
    document = making.chatgpt(title=title, conversation_id=title)
    for node, text in (("q1", question), ("a2", answer)):
        document["mapping"][node]["message"]["content"]["parts"] = [text]
    return document


def test_a_phone_keeps_chats_in_order_and_finds_a_sentence(
    new_context: NewContext, stack: Stack, tmp_path: Path
) -> None:
    """Folder, tag and archive from the menu, many at once on the list, and a search that lands far up in a chat."""
    chat = ChatPage(new_context(**PHONE).new_page(), stack.url)
    page, main, dialog = chat.page, chat.page.get_by_role("main"), chat.page.locator("#organise-dialog")
    sentence = "May I feed quinoa to seven guests?"
    talks = (talk("Dinner", sentence, "Yes. " + "Boil it well.\n\n" * 80), talk("A walk", "Up?", "Up."))
    choose(chat, tmp_path, *talks, talk("Letters", "Dear?", "Dear."))
    main.get_by_role("button", name="Import", exact=True).tap()
    expect(main.get_by_text("3 chats were imported.")).to_be_visible(timeout=IMPORTED_MS)

    def ask(title: str, item: str) -> None:
        chat.conversation(title).get_by_role("button", name="Options").tap()
        page.locator("#chat-menu").get_by_role("button", name=item, exact=True).tap()

    open_drawer(chat)
    ask("Dinner", "Move to a folder")
    dialog.get_by_label("New folder").fill("Family")
    assert misfits(page) == []
    dialog.get_by_role("button", name="Move").tap()
    expect(folder(chat, "Family").locator(".conversation")).to_have_text(re.compile("Dinner"))
    ask("A walk", "Tags")
    dialog.get_by_label("New tag").fill("hills")
    dialog.get_by_role("button", name="Add").tap()
    expect(dialog.get_by_role("button", name="Remove the tag hills")).to_be_visible()
    assert misfits(page) == []
    dialog.get_by_role("button", name="Close").tap()
    ask("A walk", "Archive")
    expect(chat.conversation("A walk")).to_be_hidden()
    chat.sidebar.get_by_role("link", name="Archive").tap()
    row = main.locator(".chat-row")
    expect(row).to_contain_text("A walk")
    expect(row.get_by_role("link", name="hills")).to_be_visible()
    assert misfits(page) == []

    chat.open("/chats/")
    main.get_by_role("button", name="Select").tap()
    main.get_by_role("button", name="All on this page").tap()
    expect(main.get_by_text("2 chats selected")).to_be_visible()
    assert misfits(page) == []
    main.get_by_label("Tag", exact=True).fill("home")
    main.get_by_role("button", name="Add the tag").tap()
    expect(row.get_by_role("link", name="home")).to_have_count(2)
    main.get_by_role("button", name="Select").tap()
    main.get_by_role("checkbox", name="Letters").check()
    main.get_by_label("Folder").select_option("Family")
    main.get_by_role("button", name="Move").tap()
    expect(row.filter(has_text="Letters")).to_contain_text("Family")
    main.get_by_role("button", name="Select").tap()
    main.get_by_role("checkbox", name="Letters").check()
    main.get_by_role("button", name="Archive").tap()
    expect(row).to_have_count(1)
    assert misfits(page) == []

    main.get_by_role("link", name="Dinner").tap()
    expect(page.get_by_text(sentence)).not_to_be_in_viewport()
    open_drawer(chat)
    page.get_by_role("link", name="Search", exact=True).tap()
    page.get_by_label("Search chats").fill("feed quinoa")
    hit = page.get_by_role("option").filter(has_text=sentence)
    expect(hit.locator("mark").first).to_be_visible()
    assert misfits(page) == []
    hit.tap()
    chat.page.wait_for_function("() => CSS.highlights.has('found')")
    expect(page.get_by_text(sentence)).to_be_in_viewport(ratio=1)
    assert misfits(page) == []
