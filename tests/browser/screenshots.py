"""`python -m tests.browser.screenshots [FOLDER] [--only chat|states|team]`: pictures for the documentation."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browser.camera import DESKTOP, SCHEMES, Camera
from tests.browser.chat_page import ANSWER_MS, ChatPage
from tests.browser.chromium import launch
from tests.browser.staff import at_work, make_staff, manage
from tests.browser.troubled import photograph_limits, photograph_troubles
from tests.stack import ROOT, Stack

FOLDER = ROOT / "docs" / "screenshots"
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
ANOTHER = "Give me three tips for a good nap in the afternoon."
PAGES = (
    ("/about/", "about"),
    ("/chats/", "all-chats"),
    ("/settings/assistant/", "instructions"),
    ("/settings/memory/", "memory"),
    ("/settings/keys/", "keys"),
    ("/your-data/", "your-data"),
    ("/library/", "library"),
    ("/safety/", "safety"),
    ("/accounts/signup/", "sign-up"),
)


class Photographer(Camera):
    """Walks through what goes well."""

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
        for scheme in SCHEMES:
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
        self._branches(chat)
        state, conversation = chat.page.context.storage_state(), chat.page.url
        for scheme in SCHEMES:
            self._desktop(scheme, state, conversation)
        for scheme, screen in (("light", PHONE), ("dark", SMALL_PHONE)):
            self._phone(scheme, screen, state, conversation)
        self._refused(state)
        self.take_both(self._temporary(state), "temporary")
        arabic = self.page("light", {**DESKTOP, "locale": "ar"}, state)
        arabic.open()
        self.take(arabic, "empty-arabic")
        for scheme in SCHEMES:
            self._writing(scheme, state)

    def _versions(self, chat: ChatPage) -> None:
        """Another answer to the last question, so that there is something to compare."""
        chat.last.get_by_role("button", name="Write another answer").click()
        chat.page.wait_for_timeout(1000)
        chat.wait_until("done")

    def _branches(self, chat: ChatPage) -> None:
        """Another beginning of the chat, and back to the first one."""
        chat.page.locator(".question [data-do=edit]").first.click()
        chat.page.get_by_label("Your message, changed").fill(ANOTHER)
        chat.page.get_by_role("button", name="Save and send").click()
        expect(chat.question).to_have_text(ANOTHER)
        chat.wait_until("done")
        chat.page.get_by_role("group", name="Versions of your message").get_by_label("Previous version").click()
        expect(chat.question).to_have_text(QUESTIONS[-1])

    def _temporary(self, state: object) -> ChatPage:
        chat = self.page("light", DESKTOP, state)
        chat.open()
        chat.page.get_by_role("button", name="Temporary chat").click()
        return chat

    def _writing(self, scheme: str, state: object) -> None:
        chat = self.page(scheme, DESKTOP, state)
        chat.open()
        chat.send(STORY)
        chat.wait_for_words(25)
        self.take(chat, f"writing-{scheme}")
        chat.page.keyboard.press("Escape")
        chat.wait_until("cancelled")

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
        chat.page.keyboard.press("Escape")
        chat.page.locator(".conversation", has=chat.page.locator("[aria-current]")).get_by_label("Options").click()
        chat.page.locator("#chat-menu").get_by_role("button", name="Map of branches").click()
        expect(chat.page.get_by_role("dialog", name="Branches of this chat")).to_be_visible()
        self.take(chat, f"map-{scheme}")
        chat.page.keyboard.press("Escape")
        chat.last.get_by_role("link", name="Compare").click()
        expect(chat.page.get_by_role("heading", name="Which answer is better?")).to_be_visible()
        self.take(chat, f"compare-{scheme}")
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
        self.take_both(chat, "refused")

    def _phone(self, scheme: str, screen: Mapping[str, object], state: object, conversation: str) -> None:
        chat = self.page(scheme, screen, state)
        chat.page.goto(conversation)
        self.take(chat, f"answer-phone-{scheme}")
        chat.open()
        self.take(chat, f"empty-phone-{scheme}")
        chat.page.get_by_role("button", name="Open sidebar").tap()
        self.take(chat, f"sidebar-phone-{scheme}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--only", choices=("chat", "states", "team"))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    parts = [asked.only] if asked.only else ["chat", "states", "team"]
    with Stack() as stack, sync_playwright() as playwright:
        browser = launch(playwright)
        photographer = Photographer(browser, stack.url, asked.folder)
        if "chat" in parts:
            photographer.chats()
        if "team" in parts:
            photographer.team(stack)
        photographer.check()
        if "states" in parts:
            photograph_troubles(browser, stack, asked.folder)
            stack.stop()
            photograph_limits(browser, asked.folder)
        browser.close()


if __name__ == "__main__":
    main()
