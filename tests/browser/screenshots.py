"""`python -m tests.browser.screenshots [FOLDER]`: the documentation's pictures, with the real assistant's answers."""

import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chat_page import ChatPage, Watch
from tests.browser.chromium import launch
from tests.stack import ROOT, Stack

FOLDER = ROOT / "docs" / "screenshots"
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 1}
SMALL_PHONE = {**PHONE, "viewport": {"width": 360, "height": 740}}
QUESTIONS = (
    "Give me three tips for a good night's sleep.",
    "What is 17% of 2,340?",
    "What are the sources under an answer?",
)
STORY = "Write a short story about a lost llama in the Andes."
PAGES = (
    ("/chats/", "all-chats"),
    ("/settings/assistant/", "instructions"),
    ("/settings/memory/", "memory"),
    ("/your-data/", "your-data"),
    ("/library/", "library"),
    ("/safety/", "safety"),
    ("/accounts/signup/", "sign-up"),
)


class Camera:
    def __init__(self, browser: Browser, url: str, folder: Path) -> None:
        self._browser = browser
        self._url = url
        self._folder = folder
        self._watch = Watch(host=urlsplit(url).netloc)

    def page(self, scheme: str, screen: Mapping[str, object], state: object = None) -> ChatPage:
        context = self._browser.new_context(color_scheme=scheme, storage_state=state, **screen)  # type: ignore[arg-type]
        self._watch.over(context)
        return ChatPage(context.new_page(), self._url)

    def take(self, chat: ChatPage, name: str) -> None:
        chat.page.wait_for_timeout(400)  # until what fades has faded
        path = self._folder / f"{name}.png"
        chat.page.screenshot(path=path)
        print(f"{path.name}  {path.stat().st_size / 1000:.0f} kB")

    def all(self) -> None:
        chat = self.page("light", DESKTOP)
        chat.open()
        self.take(chat, "empty-light")
        for question in QUESTIONS:
            chat.send(question)
            chat.wait_until("done")
        self._versions(chat)
        self.take(chat, "answer-light")
        state, conversation = chat.page.context.storage_state(), chat.page.url
        for scheme in ("light", "dark"):
            self._desktop(scheme, state, conversation)
        for scheme, screen in (("light", PHONE), ("dark", SMALL_PHONE)):
            self._phone(scheme, screen, state, conversation)
        self._right_to_left(state)
        chat.open()
        chat.send(STORY)
        chat.wait_for_words(25)
        self.take(chat, "writing-light")
        chat.page.keyboard.press("Escape")

    def _versions(self, chat: ChatPage) -> None:
        """Another answer to the last question, so that there is something to compare."""
        chat.last.get_by_role("button", name="Write another answer").click()
        chat.page.wait_for_timeout(1000)
        chat.wait_until("done")

    def _desktop(self, scheme: str, state: object, conversation: str) -> None:
        chat = self.page(scheme, DESKTOP, state)
        chat.page.goto(conversation)
        if scheme == "dark":
            self.take(chat, "answer-dark")
        chat.page.keyboard.press("Control+k")
        chat.page.keyboard.type("sleep")
        expect(chat.page.get_by_role("dialog").locator("mark").first).to_be_visible()
        self.take(chat, f"search-{scheme}")
        chat.page.keyboard.press("Escape")
        chat.page.get_by_role("button", name="Share").click()
        self.take(chat, f"share-{scheme}")
        for path, name in PAGES:
            chat.open(path)
            self.take(chat, f"{name}-{scheme}")
        if scheme == "dark":
            chat.open()
            self.take(chat, "empty-dark")

    def _phone(self, scheme: str, screen: Mapping[str, object], state: object, conversation: str) -> None:
        chat = self.page(scheme, screen, state)
        chat.page.goto(conversation)
        self.take(chat, f"answer-phone-{scheme}")
        chat.open()
        self.take(chat, f"empty-phone-{scheme}")
        chat.page.get_by_role("button", name="Open sidebar").tap()
        self.take(chat, f"sidebar-phone-{scheme}")

    def _right_to_left(self, state: object) -> None:
        context = self._browser.new_context(locale="ar", color_scheme="light", storage_state=state, **DESKTOP)  # type: ignore[arg-type]
        self._watch.over(context)
        chat = ChatPage(context.new_page(), self._url)
        chat.open()
        self.take(chat, "empty-arabic")

    def check(self) -> None:
        """Raises RuntimeError if a page did what it must not do while it was photographed."""
        if self._watch.problems:
            raise RuntimeError("\n".join(self._watch.problems))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with Stack() as stack, sync_playwright() as playwright:
        browser = launch(playwright)
        camera = Camera(browser, stack.url, folder)
        camera.all()
        browser.close()
        camera.check()


if __name__ == "__main__":
    main()
