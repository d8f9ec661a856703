"""Seen by other eyes: pages that other walks do not reach, colours that the system chooses, text twice as large."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.fitting import spilled
from tests.browser.test_axe import wrong_on
from tests.browser.test_sharing import bring_along
from tests.browser.test_talking import run_in
from tests.stack import Stack
from tests.webapp.sharing import making

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

NewContext = Callable[..., BrowserContext]
TWICE = "document.documentElement.style.fontSize = '32px'"
ANOTHER_ANSWER = """
import uuid
from django.utils import timezone
from webapp.chat.models import Conversation, Reply
conversation = Conversation.objects.get(pk="{conversation}")
first = conversation.replies.order_by("-created_at").first()
Reply.objects.create(id=uuid.uuid4(), conversation=conversation, message=first.message, state="done", seed=2,
                     text="Another one.", blocks=["<p>Another one.</p>"], deadline=timezone.now(),
                     finished_at=timezone.now(), input_checked=True)
"""
FLAGGED = """
from tests.webapp.moderation.making import make_case
from webapp.accounts.models import User
make_case(User.objects.create(username="{name}", is_guest=True))
"""
LANDMARKS = re.compile(": (region|landmark-one-main): ")  # good practice that Unfold's frame leaves out, not WCAG
PAGES = ("/settings/general/", "/settings/assistant/", "/library/", "/search/?q=weather", "/chats/", "/shared/")


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(new_context: NewContext, stack: Stack, **settings: Any) -> ChatPage:
    return ChatPage(new_context(reduced_motion="reduce", **settings).new_page(), stack.url)


@pytest.fixture
def chat(new_context: NewContext, stack: Stack, tmp_path: Any, scheme: str) -> ChatPage:
    """Somebody with a chat that was brought along, whose last question has two answers."""
    chat = opened(new_context, stack, color_scheme=scheme)
    bring_along(chat, tmp_path, making.chatgpt())
    run_in(stack, ANOTHER_ANSWER, conversation=chat.page.url.rstrip("/").rsplit("/", 1)[-1])
    chat.page.reload()
    return chat


def test_answers_side_by_side_and_the_map(chat: ChatPage) -> None:
    """The page that compares, before and after the choice, and the map of the branches over a page."""
    page = chat.page
    page.locator("#conversations [popovertarget=chat-menu]").first.click()
    page.locator("#chat-menu").get_by_role("button", name="Map of branches").click()
    expect(page.get_by_role("dialog", name="Branches of this chat")).to_be_visible()
    found = wrong_on(page)
    page.keyboard.press("Escape")
    chat.last.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Which answer is better?")).to_be_visible()
    found += wrong_on(page)
    page.get_by_role("button", name="Left is better").click()
    expect(page.get_by_text("You found the left one better.")).to_be_visible()
    assert found + wrong_on(page) == []


def test_a_case_of_the_staff_in_full(
    new_context: NewContext, stack: Stack, scheme: str, admin: tuple[str, str]
) -> None:
    """The whole page, with the frame that Unfold puts around ours."""
    run_in(stack, FLAGGED, name=f"flagged-{scheme}")
    chat = opened(new_context, stack, color_scheme=scheme)
    chat.open("/admin/login/?next=/admin/moderation/case/")
    for name, value in zip(("username", "password"), admin, strict=True):
        chat.page.locator(f"[name={name}]").fill(value)
    chat.page.locator("[type=submit]").click()
    with chat.page.expect_navigation(url=re.compile("/change/")):
        chat.page.locator("[data-card]").first.click()
    found = [line for line in wrong_on(chat.page) if not LANDMARKS.search(line)]
    assert "\n".join(found) == ""


@pytest.fixture
def forced(new_context: NewContext, stack: Stack, tmp_path: Any) -> Page:
    """A page in the colours of the system."""
    chat = opened(new_context, stack, forced_colors="active")
    bring_along(chat, tmp_path, making.chatgpt())
    return chat.page


def style(page: Page, selector: str, name: str) -> str:
    return str(page.locator(selector).first.evaluate("(element, name) => getComputedStyle(element)[name]", name))


def system_color(page: Page, name: str) -> str:
    return str(
        page.evaluate(
            """(name) => {
              const probe = document.body.appendChild(document.createElement("i"));
              probe.style.cssText = `forced-color-adjust: none; color: ${name}`;
              const { color } = getComputedStyle(probe);
              probe.remove();
              return color;
            }""",
            name,
        )
    )


def test_what_is_chosen_and_what_can_be_pressed_is_seen_in_the_systems_colours(forced: Page) -> None:
    """Where backgrounds are taken away, a line or the system's own colour says it."""
    page, chosen = forced, system_color(forced, "SelectedItem")
    assert style(page, ".conversation:has(> [aria-current])", "backgroundColor") == chosen
    for selector in (".send-button", ".button", ".composer-box"):
        assert style(page, selector, "borderTopWidth") == "1px", selector
        assert style(page, selector, "borderTopStyle") == "solid", selector
    page.get_by_label("Message", exact=True).focus()
    assert style(page, ".composer-box", "outlineStyle") == "solid"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Control+k")
    option = page.locator(".palette-option[aria-selected=true]")
    expect(option).to_be_visible()
    assert style(page, ".palette-option[aria-selected=true]", "backgroundColor") == chosen


def test_with_text_twice_as_large_nothing_is_cut_off(new_context: NewContext, stack: Stack, tmp_path: Any) -> None:
    """On half the width of a desk, by growing downwards alone."""
    chat = opened(new_context, stack)
    chat.page.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {TWICE} }})")
    bring_along(chat, tmp_path, making.chatgpt())
    chat.page.set_viewport_size({"width": 640, "height": 800})
    assert style(chat.page, "html", "fontSize") == "32px"
    assert spilled(chat.page) == []
    chat.page.get_by_role("button", name="Share", exact=True).click()
    dialog = chat.page.get_by_role("dialog", name="Share this chat")
    dialog.get_by_role("button", name="Make a link").click()
    address = dialog.get_by_label("Link", exact=True).input_value()
    assert spilled(chat.page) == []
    for path in (*PAGES, address.removeprefix(chat.url)):
        chat.open(path)
        assert spilled(chat.page) == [], path
