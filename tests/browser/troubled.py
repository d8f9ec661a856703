"""Pictures of what people see when something goes wrong, with a stack that does."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.camera import DESKTOP, Camera
from tests.browser.chat_page import ChatPage
from tests.browser.test_failing_stack import NOTICED_MS, let_time_run_out
from tests.browser.test_talking import SUSPEND, conversation_of, run_in, thinking
from tests.stack import ROOT, Stack, free_port

QUESTION = "Give me three tips for a good night's sleep."
STORY = "Write a short story about a lost llama in the Andes."
MIN_LETTERS = 7
SAID_OF_BREAKS = ("Failed to load resource", "WebSocket connection", "htmx:", "net::ERR_INTERNET_DISCONNECTED")


def photograph_troubles(browser: Browser, stack: Stack, folder: Path) -> None:
    """No connection, an answer that broke off, a model that is away, somebody who is suspended."""
    camera = Camera(browser, stack.url, folder, expected=SAID_OF_BREAKS)
    chat = camera.page("light", DESKTOP)
    chat.open()
    chat.send(QUESTION)
    chat.wait_until("done")
    chat.page.context.set_offline(True)
    expect(chat.page.get_by_text("You are offline. What you write stays here.")).to_be_visible()
    camera.take_both(chat, "offline")
    chat.page.context.set_offline(False)
    expect(chat.page.locator("#connection")).to_be_hidden()
    _break_off(camera, chat, stack)
    run_in(stack, SUSPEND, conversation=conversation_of(chat), days=2)
    chat.page.reload()
    expect(chat.page.get_by_role("region", name="You cannot send messages right now")).to_be_visible()
    camera.take_both(chat, "suspended")
    camera.check()


def _break_off(camera: Camera, chat: ChatPage, stack: Stack) -> None:
    chat.send(STORY)
    chat.wait_for_words(40)
    with thinking(stack, "inference"):
        stack.kill("worker")
        let_time_run_out(stack, chat.reply_id)
        chat.wait_until("failed")
        camera.take_both(chat, "interrupted")
        chat.last.get_by_role("button", name="Continue").click()
        expect(chat.page.locator("#model-away")).to_be_visible(timeout=NOTICED_MS)
        camera.take_both(chat, "model-away")
    expect(chat.page.locator("#model-away")).to_be_hidden(timeout=NOTICED_MS)
    chat.page.keyboard.press("Escape")
    chat.wait_until("cancelled")


def photograph_limits(browser: Browser, folder: Path) -> None:
    """No messages left, and an answer that is withdrawn late."""
    with tempfile.TemporaryDirectory() as kept:
        forbidden = Path(kept) / "forbidden"
        forbidden.write_text("")
        with _guarded(forbidden) as stack:
            camera = Camera(browser, stack.url, folder, expected=SAID_OF_BREAKS)
            _reach_the_limit(camera)
            _withdraw(camera, forbidden)
            camera.check()


@contextmanager
def _guarded(forbidden: Path) -> Iterator[Stack]:
    """The assistant with a guard that calls unsafe what has a word of this file, and one message an hour for guests."""
    port = free_port()
    guard = subprocess.Popen([sys.executable, "-m", "tests.browser.forbidding_guard", str(port), forbidden], cwd=ROOT)
    settings = {"CRIA_GUARD": "llama-guard-3", "CRIA_GUARD_URL": f"http://127.0.0.1:{port}"}
    try:
        with Stack(**settings, CRIA_GUARD_STREAMING="optimistic", CRIA_GUEST_MESSAGES_PER_HOUR="1") as stack:
            yield stack
    finally:
        guard.kill()
        guard.wait()


def _reach_the_limit(camera: Camera) -> None:
    chat = camera.page("light", DESKTOP)
    chat.open()
    chat.send(QUESTION)
    chat.wait_until("done")
    chat.field.fill("And what about a nap?")
    chat.field.press("Enter")
    expect(chat.page.get_by_role("alert")).to_contain_text("The next one can go out at")
    camera.take_both(chat, "limit")


def _withdraw(camera: Camera, forbidden: Path) -> None:
    """The guard reads the words before each new unit, too: one that was just shown makes the next one unsafe."""
    chat = camera.page("light", DESKTOP)
    chat.open()
    chat.send(STORY)
    chat.wait_for_words(60)
    words = [word.strip(".,:;*") for word in chat.answer.split()]
    forbidden.write_text([word for word in words if len(word) >= MIN_LETTERS][-1])
    chat.wait_until("blocked")
    camera.take_both(chat, "withdrawn")
