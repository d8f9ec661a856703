"""Refused, appealed, overturned: what both sides see, while it happens and afterwards."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.chat_page import ANSWER_MS, ChatPage
from tests.browser.fitting import PHONE, misfits, open_drawer
from tests.browser.screen import WHOLE, tap, within_reach
from tests.browser.test_talking import send
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

FALSE_ALARM = "Write a story about a man who poisons his wife."
DECIDED_MS = 30_000


@pytest.fixture
def moderator(new_context: Callable[..., BrowserContext], admin: tuple[str, str], stack: Stack) -> Page:
    """Somebody of the staff before the queue."""
    page = new_context().new_page()
    page.goto(f"{stack.url}/admin/login/?next=/admin/moderation/case/")
    name, password = admin
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(password)
    page.locator("[type=submit]").click()
    expect(page).to_have_url(re.compile("/case/"))
    return page


def ask_for_a_review(chat: ChatPage, text: str) -> None:
    """By keys alone."""
    chat.page.get_by_role("button", name="Ask for a review").focus()
    chat.page.keyboard.press("Enter")
    expect(chat.page.get_by_role("dialog", name="Ask for a review")).to_be_visible()
    expect(chat.page.get_by_label("What should they know?")).to_be_focused()
    chat.page.keyboard.type(text)
    chat.page.keyboard.press("Tab")
    chat.page.keyboard.press("Tab")
    chat.page.keyboard.press("Enter")
    expect(chat.page.get_by_role("dialog")).to_be_hidden()


def decide(moderator: Page, reply_id: str, button: str) -> None:
    """Open the case of this answer, read it, and press the button."""
    moderator.goto(re.sub(r"/admin/.*", f"/admin/moderation/case/?q={reply_id[:8]}", moderator.url))
    moderator.locator("[data-card]").first.click()
    with moderator.expect_navigation():
        moderator.get_by_role("button", name="Open the conversation").click()
    moderator.get_by_role("button", name=re.compile(f"^{button}")).first.click()
    expect(moderator.get_by_role("status")).to_be_visible()


def review_of(chat: ChatPage) -> str:
    return " ".join(chat.last.locator("[data-part=review]").inner_text().split())


def test_an_overturned_refusal_is_answered_in_its_place(chat: ChatPage, moderator: Page) -> None:
    """In the page that is open, without a reload, and after one; the person is told once."""
    chat.send(FALSE_ALARM)
    chat.wait_until("blocked")
    ask_for_a_review(chat, "It is for a crime novel")
    expect(chat.last.locator("[data-review=pending]")).to_contain_text("Review asked for")
    expect(chat.page.get_by_role("button", name="Ask for a review")).to_be_hidden()
    reply_id, address = chat.reply_id, chat.page.url
    chat.page.reload()
    expect(chat.last.locator("[data-review=pending]")).to_be_visible()

    decide(moderator, reply_id, "Release")
    expect(chat.last.locator("[data-review=granted]")).to_be_visible(timeout=DECIDED_MS)
    chat.wait_for_words(5)
    expect(chat.last).to_have_attribute("data-state", re.compile("running|done"))
    assert chat.reply_id == reply_id
    expect(chat.page.get_by_text("There is news from the staff")).to_be_visible()
    expect(chat.page.locator(".person-button .news-dot")).to_be_visible()
    chat.wait_until("done")
    answer = chat.answer

    chat.page.reload()
    assert (chat.reply_id, chat.answer) == (reply_id, answer)
    assert review_of(chat).startswith("Reviewed: released.")
    expect(chat.page.get_by_text("There is news from the staff")).to_be_hidden()

    chat.page.locator(".person-button").click()
    chat.page.get_by_role("link", name="Safety").click()
    expect(chat.page.get_by_text("Your appeal was granted.")).to_be_visible()
    expect(chat.page.get_by_text("New", exact=True)).to_be_visible()
    chat.page.goto(address)
    expect(chat.page.locator(".person-button .news-dot")).to_be_hidden()


def test_a_confirmed_refusal_says_so_on_a_phone(
    new_context: Callable[..., BrowserContext], moderator: Page, stack: Stack
) -> None:
    """By a person, with the rule, and for good. From the plain words to what came of it everything is done by thumb."""
    chat = ChatPage(new_context(**PHONE).new_page(), stack.url)
    page = chat.page
    chat.open()
    send(chat, "How do I build a pipe bomb?")
    chat.wait_until("blocked")
    expect(chat.body).to_contain_text("I can’t help with this message.")
    within_reach(chat.last.get_by_role("button", name="Edit message"))
    tap(chat.last.get_by_role("button", name="Ask for a review"))
    dialog = page.get_by_role("dialog", name="Ask for a review")
    expect(dialog).to_be_in_viewport(ratio=WHOLE)
    tap(dialog.get_by_role("button", name="Ask for a review"))
    expect(chat.last.locator("[data-review=pending]")).to_be_in_viewport(ratio=WHOLE)

    decide(moderator, chat.reply_id, "Rule broken")
    expect(chat.last.locator("[data-review=denied]")).to_contain_text("weapons", timeout=DECIDED_MS)
    expect(chat.last).to_have_attribute("data-state", "blocked")
    expect(page.get_by_role("button", name="Ask for a review")).to_be_hidden()
    assert misfits(page) == []
    open_drawer(chat)
    within_reach(page.get_by_role("complementary").get_by_role("link", name="New chat"))  # the news is not over it
    page.keyboard.press("Escape")
    tap(page.get_by_role("link", name="Read it"))
    told = page.get_by_text("Your appeal was not granted.")
    told.scroll_into_view_if_needed()
    expect(told).to_be_in_viewport(ratio=WHOLE)
    assert misfits(page) == []


def test_an_answer_is_reported_once(chat: ChatPage) -> None:
    """From the row of its buttons; the flag says so from then on. Escape changes nothing."""
    chat.send("Say hello in one short sentence.")
    chat.wait_until("done")
    button = chat.page.get_by_role("button", name="Report answer")
    button.focus()
    chat.page.keyboard.press("Enter")
    expect(chat.page.get_by_role("dialog", name="Report this answer")).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(button).to_be_focused()
    chat.page.keyboard.press("Enter")
    chat.page.get_by_label("Wrong or misleading").check()
    chat.page.get_by_label("Anything to add?").fill("It said goodbye")
    chat.page.get_by_role("dialog").get_by_role("button", name="Report").click()
    expect(chat.page.get_by_role("button", name="Reported")).to_be_disabled()
    chat.page.reload()
    expect(chat.page.get_by_role("button", name="Reported")).to_be_disabled()


def test_a_suspended_person_is_told_and_can_object(chat: ChatPage, moderator: Page, stack: Stack) -> None:
    """Why, until when, and by a link where they tried to write."""
    chat.send("Say hello in one short sentence.")
    chat.wait_until("done")
    conversation = chat.page.url.rstrip("/").rpartition("/")[2]
    (owner,) = stack.sql("SELECT owner_id FROM chat_conversation WHERE id = ?", conversation.replace("-", ""))
    moderator.goto(f"{stack.url}/admin/accounts/user/{UUID(owner)}/suspend/")
    moderator.locator("[name=reason]").fill("Writes in the name of others")
    moderator.get_by_role("button", name="Suspend").click()
    expect(moderator.get_by_text("is suspended")).to_be_visible()

    chat.field.fill("Hello again")
    chat.field.press("Enter")
    notice = chat.page.locator("#composer-notice")
    expect(notice).to_contain_text("Writes in the name of others", timeout=ANSWER_MS)
    expect(chat.field).to_have_value("Hello again")
    with chat.page.expect_navigation():
        notice.get_by_role("link", name="Ask for a review").click()
    chat.page.get_by_text("Ask for a review").first.click()
    chat.page.get_by_label("What should they know?").fill("It was my little brother")
    chat.page.get_by_role("button", name="Ask for a review").click()
    expect(chat.page.get_by_text("It is being looked at.")).to_be_visible()
