"""What a person sees when something fails, with a stack that does.

| state | made to happen in |
|---|---|
| (a) refused by the guard | test_first_answer.py `test_what_the_guard_refuses_is_said_plainly`, test_appeal.py |
| (b) answer withdrawn | test_withdrawal.py `test_a_late_violation_is_withdrawn_in_every_tab` |
| (c) interrupted | here `test_what_broke_off_goes_on_when_the_model_is_back` |
| (d) the model is down | here, the same; over the death of every process: tests/integration/test_deaths.py |
| (e) limit reached | test_withdrawal.py `test_who_has_reached_the_limit_knows_when_it_goes_on` |
| (f) offline | test_offline.py; test_talking.py `test_what_was_written_long_ago_is_sent_with_consent_only` |
| (g) suspended | test_talking.py `test_somebody_suspended_is_told_why_and_until_when` |
| (h) gone, or not yours | test_first_answer.py `test_a_chat_that_is_not_yours_looks_like_one_that_is_not_there` |
"""

import sqlite3
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.chat_page import LONG_TEXT, ChatPage
from tests.browser.test_resume import settled
from tests.browser.test_talking import thinking
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

NOTICED_MS = 20_000


def let_time_run_out(stack: Stack, reply_id: str) -> None:
    """For this answer ten minutes are over."""
    with sqlite3.connect(stack.var / "cria.sqlite3", timeout=10) as database:
        changed = database.execute(
            "UPDATE chat_reply SET deadline = '2000-01-01 00:00:00' WHERE id = ?", [reply_id.replace("-", "")]
        )
        assert changed.rowcount == 1


def test_what_broke_off_goes_on_when_the_model_is_back(
    chat: ChatPage, new_context: Callable[..., BrowserContext], stack: Stack
) -> None:
    """The model keeps silent, the worker is killed, and no other one gets it done in time: the text stays, and can be
    gone on with. Everybody is told that the model is away, by itself, and by itself that is over."""
    banner = chat.page.locator("#model-away")
    chat.send(LONG_TEXT)
    chat.wait_for_words(8)
    with thinking(stack, "inference"):
        stack.kill("worker")
        let_time_run_out(stack, chat.reply_id)
        chat.wait_until("failed")
        expect(chat.last.get_by_text("This answer took too long and was ended.")).to_be_visible()
        expect(chat.last.get_by_role("button", name="Try again")).to_be_visible()
        kept = chat.answer
        chat.last.get_by_role("button", name="Continue").click()
        expect(banner).to_be_visible(timeout=NOTICED_MS)
        expect(banner).to_contain_text("The model is not answering right now.")
        expect(banner).to_contain_text("is answered by itself if the model is back within a few minutes.")
        visitor = ChatPage(new_context().new_page(), stack.url)
        visitor.open()
        expect(visitor.page.locator("#model-away")).to_be_visible()
    expect(banner).to_be_hidden(timeout=NOTICED_MS)
    chat.wait_for_words(len(kept.split()) + 3)
    assert chat.answer.startswith(settled(kept))
    chat.page.keyboard.press("Escape")
    chat.wait_until("cancelled")
