"""What an answer was made with, on the page: tools, memories, what to ask next."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.chat_page import ANSWER_MS, ChatPage
from tests.stack import Stack

pytestmark = pytest.mark.browser

SUM = "What is 17% of 2,340?"


def test_a_calculation_is_shown_as_a_step_with_its_result(chat: ChatPage, stack: Stack) -> None:
    """Exact whatever the model, the same after a reload, and the chat is named after it. An idea under it is a click
    from being asked, and the message says that it was one."""
    chat.send(SUM)
    chat.wait_until("done")
    for _ in range(2):
        step = chat.last.locator(".step")
        expect(step).to_have_attribute("data-state", "done")
        expect(step.locator("summary [data-part=title]")).to_have_text("Used the calculator")
        expect(step.locator("summary [data-part=output]")).to_have_text("17% of 2,340 = 397.8")
        expect(chat.body.locator("strong")).to_have_text("397.8")
        step.locator("summary").click()
        expect(step.locator("dd").first).to_have_text("17% of 2,340")
        expect(chat.last.locator("[data-part=followups] button")).to_have_count(3)
        expect(chat.page.locator("#page-title")).to_have_text("17% of 2,340")
        chat.page.reload()
    idea = chat.last.locator("[data-part=followups] button").first
    text = idea.inner_text()
    idea.click()
    expect(chat.question).to_have_text(text)
    expect(chat.last).to_have_attribute("data-reply", re.compile(".{36}"), timeout=ANSWER_MS)
    (origin,) = stack.sql("SELECT origin FROM chat_message WHERE text = ? ORDER BY created_at DESC LIMIT 1", text)
    assert origin == "followup"


def test_what_is_remembered_is_shown_used_and_undone(chat: ChatPage, stack: Stack) -> None:
    """Nothing is kept behind a person's back."""
    chat.send("Remember that I like blue wool.")
    chat.wait_until("done")
    expect(chat.last.locator("[data-part=unread]")).to_be_hidden()
    step = chat.last.locator(".step")
    expect(step.locator("summary [data-part=title]")).to_have_text("Remembered")
    expect(step.locator("summary [data-part=output]")).to_have_text("I like blue wool")
    chat.send("Which wool is the warmest?")
    chat.wait_until("done")
    used = chat.last.locator("[data-part=used]")
    used.locator("summary").click()
    expect(used.locator(".used-memory")).to_have_text(["I like blue wool"])
    first = chat.page.locator(".turn .step").first
    first.get_by_role("button", name="Undo").click()
    expect(first.locator("summary")).to_contain_text("Forgotten")
    assert "I like blue wool" not in stack.sql("SELECT text FROM personal_memory")
