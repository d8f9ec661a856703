"""A person's own documents: added to the library, put beside a message, found again."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.browser.chat_page import ANSWER_MS, ChatPage, Watch
from tests.browser.test_axe import wrong_on
from tests.browser.test_talking import HELLO, SCREENS, send
from tests.stack import Stack
from tests.webapp.library.files import SENTENCE, pdf, word

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

# As it comes from a sheet: words, and a picture of them. Says whether the page kept the browser from pasting.
PASTE_TABLE = """() => {
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File(["x"], "image.png", { type: "image/png" }));
  clipboardData.setData("text/plain", "Flour\\t500 g");
  const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  document.getElementById("message").dispatchEvent(event);
  return event.defaultPrevented;
}"""
PUT_FILE = """
([kind, selector, name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, { type: "text/plain" }));
  const [event, key] = kind === "paste" ? [ClipboardEvent, "clipboardData"] : [DragEvent, "dataTransfer"];
  const options = { bubbles: true, cancelable: true, [key]: data };
  document.querySelector(selector).dispatchEvent(new event(kind, options));
}
"""


@pytest.fixture(params=SCREENS)
def page(request: pytest.FixtureRequest, new_context: Callable[..., BrowserContext]) -> Page:
    """On a desktop in light colours and on a phone in dark ones."""
    scheme = "dark" if request.param == "phone" else "light"
    return new_context(**SCREENS[request.param], color_scheme=scheme, reduced_motion="reduce").new_page()


@pytest.fixture
def desk(new_context: Callable[..., BrowserContext], stack: Stack) -> ChatPage:
    chat = ChatPage(new_context(**SCREENS["desktop"]).new_page(), stack.url)
    chat.open()
    return chat


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "Loads.pdf").write_bytes(pdf(SENTENCE))
    (tmp_path / "Weaving.docx").write_bytes(word("Wool is spun, dyed and woven.", heading="Wool"))
    (tmp_path / "Locked.pdf").write_bytes(pdf(SENTENCE, password="secret"))
    (tmp_path / "setup.exe").write_bytes(b"MZ")
    return tmp_path


def row(page: Page, title: str) -> Locator:
    return page.locator(".document-row", has_text=title)


def chip(chat: ChatPage, title: str) -> Locator:
    return chat.page.locator(".attachment", has_text=title)


def attach(chat: ChatPage, *paths: Path) -> None:
    with chat.page.expect_file_chooser() as chooser:
        chat.page.get_by_role("button", name="Attach files").click()
    chooser.value.set_files(paths)


def attach_one(chat: ChatPage, path: Path) -> None:
    """And wait until it has been read."""
    attach(chat, path)
    expect(chip(chat, path.stem)).to_have_attribute("data-state", "ready", timeout=ANSWER_MS)


def test_a_library_of_ones_own(page: Page, files: Path, stack: Stack, watch: Watch) -> None:
    """Added, read, opened, found, renamed and deleted again; each step says what came of it."""
    watch.expected.append("422")
    page.goto(f"{stack.url}/library/")
    page.get_by_label("Choose files").set_input_files(
        [files / "Loads.pdf", files / "Weaving.docx", files / "Locked.pdf"]
    )
    expect(row(page, "Loads")).to_contain_text("1 passage", timeout=ANSWER_MS)
    expect(row(page, "Weaving")).to_contain_text("Word", timeout=ANSWER_MS)
    expect(row(page, "Locked")).to_contain_text("locked with a password", timeout=ANSWER_MS)
    assert wrong_on(page) == []
    page.get_by_label("Choose files").set_input_files([files / "setup.exe"])
    expect(page.locator(".upload[data-state=failed]")).to_contain_text("This kind of file cannot be read")

    page.get_by_label("Search in your documents").fill("spun WOVEN")
    page.locator(".found a").click()
    expect(page.get_by_role("heading", name="Weaving")).to_be_visible()
    expect(page.locator(".passage:target")).to_contain_text("Wool is spun, dyed and woven.")

    page.goto(f"{stack.url}/library/")
    page.get_by_role("button", name="Rename: Weaving").click()
    field = page.get_by_role("dialog").get_by_label("Title")
    expect(field).to_be_focused()
    field.fill("About wool")
    field.press("Enter")
    expect(row(page, "About wool")).to_contain_text("1 passage", timeout=ANSWER_MS)
    page.get_by_role("button", name="Delete: About wool").click()
    expect(page.get_by_role("dialog", name="Delete “About wool”?").get_by_role("button", name="Cancel")).to_be_focused()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status").get_by_text("The document was deleted.")).to_be_visible()
    expect(row(page, "About wool")).to_have_count(0)
    expect(page.get_by_text("2 of 200 documents")).to_be_visible()


def test_text_is_pasted_into_the_library(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/library/")
    page.get_by_text("Paste text").click()
    page.get_by_label("Text", exact=True).fill("Bread\n\nBake it hot.")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(row(page, "Bread")).to_contain_text("1 passage", timeout=ANSWER_MS)


def test_a_file_goes_with_a_message(page: Page, files: Path, stack: Stack) -> None:
    """Quoted, for the next question too; its source is named, and the question links to it, after a reload as well."""
    chat = ChatPage(page, stack.url)
    chat.open()
    attach_one(chat, files / "Loads.pdf")
    assert wrong_on(page) == []
    send(chat, "What does this file say?")
    expect(page.locator(".attachment")).to_have_count(0)
    beside = page.locator(".turn:last-child .question").get_by_role("link", name="Loads")
    expect(beside).to_be_visible()
    expect(chat.last).to_have_attribute("data-state", re.compile("done|blocked"), timeout=ANSWER_MS)
    page.reload()
    expect(chat.last.locator(".source-title")).to_have_text(["Loads"])
    assert wrong_on(page) == []
    send(chat, "Where do they go?")
    expect(page.locator(".turn")).to_have_count(2)
    expect(chat.last).to_have_attribute("data-state", re.compile("done|blocked"), timeout=ANSWER_MS)
    page.reload()
    expect(chat.last.locator(".source-title").first).to_have_text("Loads")
    page.locator(".question").get_by_role("link", name="Loads").click()
    expect(page.get_by_text(SENTENCE)).to_be_visible()


def test_a_message_waits_for_its_file(desk: ChatPage, files: Path) -> None:
    """The button says why, and what is written stays."""
    held: list[Route] = []
    is_held = True
    desk.page.route("**/library/states/**", lambda route: held.append(route) if is_held else route.continue_())
    with desk.page.expect_request("**/library/states/**"):
        attach(desk, files / "Loads.pdf")
    expect(chip(desk, "Loads")).to_contain_text("Being read…")
    desk.field.fill(HELLO)
    expect(desk.page.get_by_role("button", name="Your file is still being read.")).to_be_disabled()
    desk.field.press("Enter")
    expect(desk.page.locator("#composer-notice")).to_contain_text("Then the message can be sent.")
    expect(desk.field).to_have_value(HELLO)
    is_held = False
    for route in held:
        route.continue_()
    expect(chip(desk, "Loads")).to_have_attribute("data-state", "ready", timeout=ANSWER_MS)
    expect(desk.page.locator("#composer-notice")).to_be_hidden()
    expect(desk.send_button).to_be_enabled()


def test_a_file_is_dropped_pasted_refused_and_removed(desk: ChatPage, files: Path, watch: Watch) -> None:
    """Anywhere on the chat; what cannot be read says why and does not hold up the message. Another tab has its own."""
    watch.expected.append("422")
    desk.page.evaluate(PUT_FILE, ["drop", "#turns", "Dropped.txt", "Dropped words."])
    expect(chip(desk, "Dropped")).to_have_attribute("data-state", "ready", timeout=ANSWER_MS)
    desk.page.evaluate(PUT_FILE, ["paste", "#message", "Pasted.md", "Pasted words."])
    expect(chip(desk, "Pasted")).to_have_attribute("data-state", "ready", timeout=ANSWER_MS)
    assert not desk.page.evaluate(PASTE_TABLE)  # its words go into the field
    expect(chip(desk, "image")).to_have_count(0)
    attach(desk, files / "setup.exe", files / "Locked.pdf")
    expect(chip(desk, "setup")).to_contain_text("This kind of file cannot be read")
    expect(chip(desk, "Locked")).to_contain_text("locked with a password", timeout=ANSWER_MS)
    chip(desk, "Dropped").get_by_role("button", name="Remove Dropped").click()
    expect(desk.field).to_be_focused()
    other = ChatPage(desk.page.context.new_page(), desk.url)
    other.open()
    other.page.evaluate(PUT_FILE, ["paste", "#message", "Other.md", "Other words."])
    expect(chip(other, "Other")).to_have_attribute("data-state", "ready", timeout=ANSWER_MS)
    expect(other.page.locator(".attachment-title")).to_have_text(["Other"])
    other.page.close()
    desk.page.reload()
    expect(chip(desk, "Pasted")).to_have_attribute("data-state", "ready")
    expect(chip(desk, "Dropped")).to_have_count(0)
    send(desk, HELLO)
    expect(desk.page.locator(".turn:last-child .attached")).to_have_text(["Pasted"])
    desk.wait_until("done")


def test_a_changed_and_a_waiting_question_keep_their_file(desk: ChatPage, files: Path) -> None:
    """A version of the question is about the same file; what waits for an answer can be taken back with it."""
    attach_one(desk, files / "Loads.pdf")
    send(desk, HELLO)
    desk.wait_until("done")
    desk.page.locator(".question").hover()
    desk.page.locator(".question").get_by_role("button", name="Edit message").click()
    desk.page.get_by_label("Your message, changed").fill("Write a long story about the sea.")
    desk.page.get_by_role("button", name="Save and send").click()
    expect(desk.page.locator(".turn:last-child .attached")).to_have_text(["Loads"])
    desk.wait_for_words(1)
    attach_one(desk, files / "Weaving.docx")
    desk.field.fill("And this?")
    desk.page.get_by_role("button", name="Send when this answer is finished").click()
    expect(desk.page.locator(".queued .attached")).to_have_text(["Weaving"])
    desk.page.locator(".queued").get_by_role("button", name="Edit this message").click()
    expect(chip(desk, "Weaving")).to_have_attribute("data-state", "ready")
    expect(desk.field).to_have_value("And this?")


def test_a_temporary_chat_takes_no_files(desk: ChatPage) -> None:
    """They would stay in the library: the button says so, and a dropped file is not sent anywhere."""
    desk.page.get_by_role("button", name="Temporary chat").click()
    button = desk.page.get_by_role("button", name="Attach files")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("title", re.compile("temporary chat"))
    desk.page.evaluate(PUT_FILE, ["drop", "#turns", "Dropped.txt", "Dropped words."])
    expect(desk.page.locator("#composer-notice")).to_contain_text("none can be attached in a temporary chat")
    expect(desk.page.locator(".attachment")).to_have_count(0)
    desk.page.get_by_role("button", name="Temporary chat").click()
    expect(button).to_have_attribute("aria-disabled", "false")
