"""`python -m tests.browser.screenshots [FOLDER]`: the documentation's pictures, with the real assistant's answers."""

import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, sync_playwright

from tests.browser.chat_page import ChatPage, Watch
from tests.browser.chromium import launch
from tests.stack import ROOT, Stack

FOLDER = ROOT / "docs" / "screenshots"
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 1}
SMALL_PHONE = {**PHONE, "viewport": {"width": 360, "height": 740}}
QUESTIONS = ("Give me three tips for a good night's sleep.", "What are the sources under an answer?")
STORY = "Write a short story about a lost llama in the Andes."


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
        self.take(chat, "answer-light")
        self._others(chat.page.context.storage_state(), chat.page.url)
        chat.open()
        chat.send(STORY)
        chat.wait_for_words(25)
        self.take(chat, "writing-light")
        chat.page.keyboard.press("Escape")

    def _others(self, state: object, conversation: str) -> None:
        for scheme, screen, suffix in (
            ("dark", DESKTOP, "dark"),
            ("light", PHONE, "phone-light"),
            ("dark", SMALL_PHONE, "phone-dark"),
        ):
            chat = self.page(scheme, screen, state)
            chat.page.goto(conversation)
            self.take(chat, f"answer-{suffix}")
            chat.open()
            self.take(chat, f"empty-{suffix}")
        chat.page.get_by_role("button", name="Open sidebar").tap()
        self.take(chat, "sidebar-phone-dark")
        chat = self.page("light", DESKTOP, state)
        for path, name in (
            ("/library/", "library-light"),
            ("/accounts/signup/", "sign-up-light"),
            ("/about/", "about-light"),
        ):
            chat.open(path)
            self.take(chat, name)

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
