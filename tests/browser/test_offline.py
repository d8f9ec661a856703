"""Without a connection: a calm page with what was written, and the chat again when the connection is back."""

import pytest
from playwright.sync_api import expect

from tests.browser.chat_page import ChatPage, Watch
from tests.browser.test_people import log_out, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

KEPT = """async () => {
  const kept = [];
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) {
      kept.push({ path: new URL(request.url).pathname, text: await (await caches.match(request)).text() });
    }
  }
  return kept;
}"""


def test_the_shell_comes_without_a_connection_and_the_chat_with_it(chat: ChatPage, watch: Watch) -> None:
    """The draft is shown, every address leads there, and nothing has to be pressed to go on."""
    watch.expected += ["Failed to load resource", "htmx:", "WebSocket connection", "ERR_INTERNET_DISCONNECTED"]
    page = chat.page
    page.evaluate("navigator.serviceWorker.ready")
    chat.field.fill("Half a thought about llamas")
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    expect(page.get_by_text("Half a thought about llamas")).to_be_visible()
    chat.open("/library/")
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    chat.open("/")
    page.context.set_offline(False)
    expect(chat.field).to_have_value("Half a thought about llamas")
    chat.send("Say hello in one short sentence.")
    chat.wait_until("done")


def test_nothing_of_a_person_is_kept_for_that(chat: ChatPage) -> None:
    """Only one page and its files are, so a log-out has nothing to clear; drafts go with it."""
    chat.page.evaluate("navigator.serviceWorker.ready")
    sign_up(chat, "offline@example.org")
    chat.open()
    chat.field.fill("Something private")
    for path in ("/chats/", "/your-data/", "/settings/memory/"):
        chat.open(path)
    log_out(chat)
    kept = chat.page.evaluate(KEPT)
    assert {entry["path"] for entry in kept if not entry["path"].startswith("/static/")} == {"/offline/"}
    assert not [entry["path"] for entry in kept if "offline@" in entry["text"] or "private" in entry["text"]]
    assert "private" not in chat.page.evaluate("JSON.stringify(localStorage)")
