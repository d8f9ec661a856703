"""An answer that turns out to be unsafe late is taken back on every open page, and stays away; and, on the same stack,
a limit that is reached."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.chat_page import LONG_TEXT, ChatPage
from tests.browser.fitting import PHONE, spilled
from tests.browser.screen import WHOLE, within_reach
from tests.browser.test_talking import HELLO, chat, send
from tests.stack import ROOT, Stack, free_port

__all__ = ["chat"]  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MIN_LETTERS = 7


@pytest.fixture(scope="module")
def forbidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The words that the guard calls unsafe from now on."""
    path = tmp_path_factory.mktemp("guard") / "forbidden"
    path.write_text("")
    return path


@pytest.fixture(scope="module")
def guarded(forbidden: Path) -> Iterator[Stack]:
    """The assistant with its guard on a server of its own, and one message an hour for guests."""
    port = free_port()
    guard = subprocess.Popen([sys.executable, "-m", "tests.browser.forbidding_guard", str(port), forbidden], cwd=ROOT)
    settings = {"CRIA_GUARD": "llama-guard-3", "CRIA_GUARD_URL": f"http://127.0.0.1:{port}"}
    try:
        with Stack(**settings, CRIA_GUARD_STREAMING="buffered", CRIA_GUEST_MESSAGES_PER_HOUR="1") as running:
            yield running
    finally:
        guard.kill()
        guard.wait()


@pytest.fixture(scope="module", params=["buffered", "optimistic"])
def stack(request: pytest.FixtureRequest, guarded: Stack, forbidden: Path) -> Stack:
    """The same one, started again where its setting is another."""
    forbidden.write_text("")
    if guarded.environment["CRIA_GUARD_STREAMING"] != request.param:
        guarded.stop()
        guarded.environment["CRIA_GUARD_STREAMING"] = request.param
        guarded.start()
    return guarded


@pytest.mark.parametrize("stack", ["buffered"], indirect=True)
def test_who_has_reached_the_limit_knows_when_it_goes_on(chat: ChatPage) -> None:
    """Before they try, and when they do: the time runs, and what they wrote is theirs still."""
    send(chat, HELLO)
    limits = chat.page.locator("#limits")
    expect(limits).to_have_text(re.compile(r"No messages left\. The next one can go out in \d+:\d\d\."))
    chat.wait_until("done")
    chat.field.fill("One more.")
    within_reach(chat.send_button).click()
    refusal = chat.page.get_by_role("alert")
    expect(refusal).to_contain_text("The next one can go out at")
    expect(chat.field).to_have_value("One more.")
    for said in (limits, refusal):
        expect(said).to_be_in_viewport(ratio=WHOLE)
    assert spilled(chat.page) == []
    told = limits.inner_text()
    expect(limits).not_to_have_text(told)


def test_a_late_violation_is_withdrawn_in_every_tab(
    new_context: Callable[..., BrowserContext], stack: Stack, forbidden: Path
) -> None:
    """A desktop and a phone have read along; both lose the text, and neither a reload nor the store brings it back."""
    context = new_context()
    chat = ChatPage(context.new_page(), stack.url)
    chat.open()
    chat.send(LONG_TEXT)
    chat.wait_for_words(60)
    phone = new_context(**PHONE, storage_state=context.storage_state())
    other = ChatPage(phone.new_page(), stack.url)
    other.page.goto(chat.page.url)
    other.wait_for_words(60)
    # The guard reads the thirty words before each new unit, too: a word that was just shown makes the next one unsafe.
    word = [word.strip(".,:;*") for word in chat.answer.split() if len(word.strip(".,:;*")) >= MIN_LETTERS][-1]
    forbidden.write_text(word)

    for tab in (chat, other):
        tab.wait_until("blocked")
        expect(tab.body).to_contain_text("This answer was withheld by the safety check.")
        assert word not in tab.answer
        expect(tab.last.get_by_role("button", name="Copy answer")).to_be_hidden()
        within_reach(tab.last.get_by_role("button", name="Ask for a review"))
        assert spilled(tab.page) == []
    reply = chat.reply_id
    for tab in (chat, other):
        tab.page.reload()
        tab.wait_until("blocked")
        assert word not in tab.answer
    assert stack.sql("SELECT text FROM chat_reply WHERE id = ?", reply.replace("-", "")) == [""]
    assert len(stack.sql("SELECT sealed FROM moderation_original WHERE reply_id = ?", reply.replace("-", ""))) == 1
