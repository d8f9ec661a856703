"""The account in a real browser: a passkey that logs in, and a person who leaves with a receipt."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chat_page import ChatPage, Watch
from tests.browser.test_people import PASSWORD, log_out, sign_up
from tests.oidc_server import OidcServer
from tests.stack import Stack
from tests.webapp.accounts.test_second_factors import code_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@contextmanager
def on_localhost(browser: Browser, stack: Stack, **screen: Any) -> Iterator[ChatPage]:
    """Passkeys belong to a name, not to a number: the same site under the name of this machine."""
    url = stack.url.replace("127.0.0.1", "localhost")
    watch = Watch(host=urlsplit(url).netloc)
    context = browser.new_context(**screen)
    watch.over(context)
    page = context.new_page()
    _plug_in_a_key(page)
    chat = ChatPage(page, url)
    chat.open()
    yield chat
    context.close()
    assert watch.problems == []


@pytest.fixture
def chat_on_localhost(browser: Browser, stack: Stack) -> Iterator[ChatPage]:
    with on_localhost(browser, stack, viewport={"width": 1280, "height": 800}) as chat:
        yield chat


def _plug_in_a_key(page: Page) -> None:
    """Chromium's own authenticator, which says yes at once."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def prove(page: Page) -> None:
    page.get_by_role("main").get_by_label("Password").fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("main").get_by_role("button", name="Confirm").click()


def test_a_passkey_logs_in(chat_on_localhost: ChatPage) -> None:
    """Registered with the password once, it opens the account without it, under the strict policy of the pages."""
    chat = chat_on_localhost
    page = chat.page
    sign_up(chat, "passkey@example.org")
    page.goto(f"{chat.url}/accounts/2fa/")
    page.get_by_role("link", name="Add a passkey").click()
    prove(page)
    page.get_by_label("Passwordless").check()
    page.get_by_role("main").get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    expect(page.locator(".account-codes li")).to_have_count(10)
    with page.expect_download() as codes:
        page.get_by_role("link", name="Download codes").click()
    assert len(codes.value.path().read_text().split()) == 10

    log_out(chat)
    page.goto(f"{chat.url}/accounts/login/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator(".person-button")).to_contain_text("passkey")


def test_an_account_elsewhere_logs_in(chat: ChatPage, watch: Watch, identity_provider: OidcServer) -> None:
    """There and back, past the policy that lets no form lead elsewhere; a guest becomes the member."""
    watch.elsewhere = urlsplit(identity_provider.issuer).netloc
    page = chat.page
    page.goto(f"{chat.url}/settings/memory/")
    page.get_by_label("Something to remember").fill("I like figs")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("banner").get_by_role("link", name="Log in").click()
    page.get_by_role("button", name="Continue with Example").click()
    expect(page.locator(".person-button")).to_contain_text("Ada")
    page.goto(f"{chat.url}/settings/memory/")
    expect(page.get_by_text("I like figs", exact=True)).to_be_visible()
    log_out(chat)


def test_two_steps_log_in(chat: ChatPage) -> None:
    """An app is set up and asked for; on the day it is lost a recovery code opens, once."""
    page, main = chat.page, chat.page.get_by_role("main")
    sign_up(chat, "two-steps@example.org")
    page.goto(f"{chat.url}/accounts/2fa/totp/activate/")
    prove(page)
    secret = main.get_by_label("Secret").input_value()
    main.get_by_label("Authenticator code").fill(code_of(secret))
    main.get_by_role("button", name="Switch it on").click()
    expect(page.locator(".account-codes li").first).to_be_visible()
    (code, *_others) = page.locator(".account-codes li").all_inner_texts()
    for is_first in (True, False):
        log_out(chat)
        page.goto(f"{chat.url}/accounts/login/")
        main.get_by_label("Email").fill("two-steps@example.org")
        main.get_by_label("Password").fill(PASSWORD)
        main.get_by_role("button", name="Log in").click()
        if is_first:
            main.get_by_label("Code").fill("000000")
            main.get_by_role("button", name="Log in").click()
            expect(main.get_by_role("alert")).to_contain_text("Incorrect code")
        main.get_by_label("Code").fill(code)
        main.get_by_role("button", name="Log in").click()
        if is_first:
            expect(page.locator(".person-button")).to_contain_text("two-steps")
    expect(main.get_by_role("alert")).to_contain_text("Incorrect code")


def test_somebody_leaves_with_a_receipt(chat: ChatPage) -> None:
    """What is stored is shown, and after the password it is gone, here and on the server."""
    chat.send("Say hello in one short sentence.")
    chat.wait_until("done")
    sign_up(chat, "leaver@example.org")
    page = chat.page
    page.goto(f"{chat.url}/your-data/")
    expect(page.locator("[data-kind=chats] .num").first).to_have_text("1")
    page.get_by_role("button", name="Make an export").click()
    download = page.get_by_role("link", name="Download")
    expect(download).to_be_visible(timeout=30_000)

    page.get_by_role("link", name="Delete my account").click()
    prove(page)
    page.get_by_label("Type “delete” to go on").fill("delete")
    page.get_by_role("main").get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("heading", name="Your account is deleted")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("1 erased")
    expect(page.locator(".person-button")).to_contain_text("Guest")
