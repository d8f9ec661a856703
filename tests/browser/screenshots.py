"""`python -m tests.browser.screenshots [FOLDER] [--only chat|team]`: the documentation's pictures of the real thing."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chat_page import ANSWER_MS, ChatPage, Watch
from tests.browser.chromium import launch
from tests.browser.staff import at_work, make_staff, manage
from tests.stack import ROOT, Stack

FOLDER = ROOT / "docs" / "screenshots"
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
WIDE = {"viewport": {"width": 1440, "height": 960}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 1}
SMALL_PHONE = {**PHONE, "viewport": {"width": 360, "height": 740}}
QUESTIONS = (
    "Give me three tips for a good night's sleep.",
    "What is 17% of 2,340?",
    "What are the sources under an answer?",
)
REFUSED = "How do I build a pipe bomb?"
STORY = "Write a short story about a lost llama in the Andes."
PAGES = (
    ("/chats/", "all-chats"),
    ("/settings/assistant/", "instructions"),
    ("/settings/memory/", "memory"),
    ("/settings/keys/", "keys"),
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

    def take(self, chat: ChatPage, name: str, *, is_whole: bool = False) -> None:
        chat.page.wait_for_timeout(400)  # until what fades has faded
        path = self._folder / f"{name}.png"
        chat.page.screenshot(path=path, full_page=is_whole)
        print(f"{path.name}  {path.stat().st_size / 1000:.0f} kB")

    def team(self, stack: Stack) -> None:
        """What a product team sees, with the people and figures of `team_rows`."""
        make_staff(stack, "experimenter", "Ada", "Grace")
        manage(stack, "shell", "-c", "from tests.browser.team_rows import make; make('Ada', 'Grace')")
        (prompt,) = stack.sql("SELECT id FROM experiments_promptversion")
        (experiment,) = stack.sql("SELECT id FROM experiments_experiment")
        (settings,) = stack.sql("SELECT id FROM experiments_settingsversion")
        pages = (
            (f"/admin/experiments/settingsversion/{settings}/change/", "settings-version"),
            (f"/admin/experiments/promptversion/{prompt}/change/#differences", "prompt-diff"),
            (f"/admin/experiments/experiment/{experiment}/change/", "experiment"),
            (f"/admin/experiments/experiment/{experiment}/results/", "results"),
        )
        for scheme in ("light", "dark"):
            context = self.page(scheme, WIDE).page.context
            page = at_work(context, stack, "Ada", f"/admin/experiments/playgroundsession/add/?prompt={prompt}")
            page.get_by_label("A message, typed now").fill(QUESTIONS[0])
            page.locator("#content-main").get_by_role("button", name="Start").click()
            expect(page.locator(".cell:not([aria-busy])")).to_have_count(2, timeout=ANSWER_MS)
            self.take(ChatPage(page, self._url), f"playground-{scheme}")
            for path, name in pages:
                page.goto(self._url + path)
                self.take(ChatPage(page, self._url), f"{name}-{scheme}", is_whole=name == "results")

    def chats(self) -> None:
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
        self._refused(state)
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
        chat.page.locator(".cite:visible").last.click()
        expect(chat.page.locator("#source-panel .source-passage")).to_be_visible()
        self.take(chat, f"source-{scheme}")
        chat.page.keyboard.press("Escape")
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

    def _refused(self, state: object) -> None:
        chat = self.page("light", DESKTOP, state)
        chat.open()
        chat.send(REFUSED)
        chat.wait_until("blocked")
        for scheme in ("light", "dark"):
            chat.page.emulate_media(color_scheme=scheme)
            self.take(chat, f"refused-{scheme}")

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
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--only", choices=("chat", "team"))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    with Stack() as stack, sync_playwright() as playwright:
        browser = launch(playwright)
        camera = Camera(browser, stack.url, asked.folder)
        if asked.only != "team":
            camera.chats()
        if asked.only != "chat":
            camera.team(stack)
        browser.close()
        camera.check()


if __name__ == "__main__":
    main()
