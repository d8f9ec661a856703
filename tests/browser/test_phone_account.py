"""The account on a phone: from a guest to two steps and a passkey, the other devices, and a suspension."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.fitting import PHONE, misfits, open_drawer
from tests.browser.test_account import on_localhost, prove
from tests.browser.test_people import PASSWORD, log_out, sign_up
from tests.browser.test_sharing import bring_along
from tests.browser.test_talking import run_in
from tests.stack import Stack
from tests.webapp.accounts.test_second_factors import code_of
from tests.webapp.sharing import making

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

NewContext = Callable[..., BrowserContext]
EMAIL = "pocket@example.org"
ELSEWHERE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0"
SEEN_WHOLE = """({ scrollWidth, scrollHeight, clientWidth, clientHeight }) =>
    scrollWidth <= clientWidth && scrollHeight <= clientHeight"""
SUSPEND = """
from datetime import timedelta
from django.utils import timezone
from webapp.chat.models import Conversation
from webapp.moderation.services.suspensions import suspend
owner = Conversation.objects.get(pk="{conversation}").owner
suspend(owner, by=None, reason="{reason}", until=timezone.now() + timedelta(days=3))
"""


@pytest.fixture
def phone(browser: Browser, stack: Stack) -> Iterator[ChatPage]:
    with on_localhost(browser, stack, **PHONE) as chat:
        yield chat


def settings(chat: ChatPage, name: str) -> None:
    """From the drawer to a page of the settings."""
    open_drawer(chat)
    chat.page.locator(".person-button").tap()
    chat.page.get_by_role("link", name="Settings", exact=True).tap()
    chat.page.get_by_role("navigation", name="Settings").get_by_role("link", name=name).tap()
    expect(chat.page.get_by_role("heading", level=1)).to_have_text(name)


def beginning(control: Locator) -> int:
    """Where it begins, from the edge of the screen."""
    box = control.bounding_box()
    assert box
    return round(box["x"])


def log_in(page: Page) -> None:
    main = page.get_by_role("main")
    main.get_by_label("Email").fill(EMAIL)
    main.get_by_label("Password").fill(PASSWORD)
    main.get_by_role("button", name="Log in").click()


def test_an_account_is_made_secured_and_kept_to_oneself(
    phone: ChatPage, new_context: NewContext, stack: Stack, tmp_path: Path
) -> None:
    """The guest's chat stays; a code and a passkey open; a device that is logged out from afar is out at once."""
    page, main = phone.page, phone.page.get_by_role("main")
    bring_along(phone, tmp_path, making.chatgpt())
    sign_up(phone, EMAIL)
    open_drawer(phone)
    expect(phone.conversation("Weather in Lima")).to_be_visible()
    page.keyboard.press("Escape")

    settings(phone, "Two-step login")
    assert misfits(page) == []
    main.get_by_role("listitem").filter(has_text="Authenticator app").get_by_role("link", name="Set up").tap()
    prove(page)
    expect(page.get_by_alt_text("QR code of the secret below")).to_be_in_viewport(ratio=1)
    assert misfits(page) == []
    secret = main.get_by_label("Secret").input_value()
    assert main.get_by_label("Secret").evaluate(SEEN_WHOLE)
    main.get_by_label("Authenticator code").fill(code_of(secret))
    main.get_by_role("button", name="Switch it on").tap()
    expect(page.locator(".account-codes li")).to_have_count(10)
    assert misfits(page) == []
    with page.expect_download() as codes:
        main.get_by_role("link", name="Download codes").tap()
    assert codes.value.path().read_text().split() == page.locator(".account-codes li").all_inner_texts()
    main.get_by_role("link", name="Done").tap()
    main.get_by_role("link", name="Add a passkey").tap()
    page.get_by_label("Passwordless").check()
    assert beginning(page.get_by_label("Passwordless")) == beginning(main.get_by_label("Name"))
    assert misfits(page) == []
    main.get_by_role("button", name="Add").tap()
    expect(main.get_by_text("1 passkey or security key.")).to_be_visible()
    main.get_by_role("link", name="Manage passkeys").tap()
    expect(main.locator(".account-list .badge")).to_have_text("Passkey")
    assert misfits(page) == []

    open_drawer(phone)
    log_out(phone)
    phone.open("/accounts/login/")
    log_in(page)
    expect(main.get_by_label("Code")).to_be_visible()
    assert misfits(page) == []
    main.get_by_label("Code").fill(code_of(secret))
    main.get_by_role("button", name="Log in").tap()
    expect(page.locator(".person-button")).to_contain_text("pocket")
    open_drawer(phone)
    log_out(phone)
    phone.open("/accounts/login/")
    main.get_by_role("button", name="Use a passkey").tap()
    expect(page.locator(".person-button")).to_contain_text("pocket")
    phone.arrive()

    desk = new_context(user_agent=ELSEWHERE).new_page()
    desk.goto(f"{stack.url}/accounts/login/")
    log_in(desk)
    desk.get_by_role("main").get_by_label("Code").fill(codes.value.path().read_text().split()[0])
    desk.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(desk.locator(".person-button")).to_contain_text("pocket")
    desk.goto(f"{stack.url}/accounts/sessions/")
    expect(desk.get_by_role("main").get_by_role("listitem").filter(has_text="This one")).to_contain_text("Windows")

    settings(phone, "Devices")
    devices = main.locator(".account-list li")
    expect(devices).to_have_count(2)
    assert misfits(page) == []
    expect(devices.filter(has_text="This one")).to_contain_text("Chrome")
    devices.filter(has_text="Windows").get_by_role("button", name="Log out").tap()
    expect(page.get_by_text("That device is logged out.")).to_be_visible()
    expect(devices).to_have_count(1)
    expect(main.get_by_role("button", name="Log out")).to_have_count(0)
    desk.reload()
    expect(desk).to_have_url(re.compile("/accounts/login/"))
    page.reload()
    expect(devices).to_contain_text("This one")


def test_a_suspended_person_reads_why_until_when_and_objects(
    new_context: NewContext, stack: Stack, tmp_path: Path
) -> None:
    """In place of the composer, and on the page about it, which says from then on that somebody looks."""
    chat = ChatPage(new_context(**PHONE).new_page(), stack.url)
    page, main = chat.page, chat.page.get_by_role("main")
    bring_along(chat, tmp_path, making.chatgpt())
    reason = "Writes in the name of others"
    run_in(stack, SUSPEND, conversation=page.url.rstrip("/").rpartition("/")[2], reason=reason)
    page.reload()
    expect(main.get_by_role("heading", name="You cannot send messages right now")).to_be_in_viewport()
    expect(main.get_by_text(reason)).to_be_in_viewport()
    assert misfits(page) == []
    main.get_by_role("link", name="Ask for a review").tap()
    expect(main.get_by_text(re.compile(r"You cannot send messages until .*\d{4}.*\(.+\)\."))).to_be_in_viewport()
    expect(main.get_by_text(f"Reason: {reason}")).to_be_in_viewport()
    main.locator("summary", has_text="Ask for a review").tap()
    main.get_by_label("What should they know?").fill("It was my little brother")
    assert misfits(page) == []
    main.get_by_role("button", name="Ask for a review").tap()
    for _ in range(2):
        expect(main.get_by_text("It is being looked at.")).to_be_visible()
        expect(main.locator("summary", has_text="Ask for a review")).to_have_count(0)
        assert misfits(page) == []
        page.reload()
