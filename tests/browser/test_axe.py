"""Nothing that axe-core can see is wrong, on every page, in both themes, on a desk and on a phone."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.chat_page import ChatPage, Watch
from tests.browser.test_people import sign_up
from tests.browser.test_sharing import bring_along
from tests.stack import Stack
from tests.webapp.sharing import making

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FOR_EVERYBODY = (
    *("/", "/about/", "/library/", "/safety/", "/safety/mine/", "/settings/general/", "/settings/assistant/"),
    *("/settings/memory/", "/chats/", "/archive/", "/search/", "/search/?q=weather", "/shared/", "/import/"),
    *("/your-data/", "/offline/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"),
    *("/no-such-page/", "/your-data/wipe/", "/your-data/delete/"),
)
FOR_MEMBERS = (
    *("/accounts/email/", "/accounts/password/change/", "/accounts/2fa/", "/accounts/sessions/", "/accounts/logout/"),
    *("/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/"),
)
ADMIN = ("/admin/", "/admin/moderation/case/", "/admin/moderation/case/quality/", "/admin/library/document/")
OURS_IN_THE_ADMIN = "#content"  # around it stands Unfold's own markup, which is not ours to mend
NOT_OURS = ["#searchbar-submit", "thead .toggle", "thead .sortremove"]  # and these of Unfold's lists


def wrong_on(page: Page, within: str = "html", schemes: Sequence[Scheme] = SCHEMES) -> list[str]:
    """What axe-core finds in each theme, one line for each element.

    Runs it past the page's policy, as a browser's own tool does.
    """
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": Path(AXE_FILE_PATH).read_text()})
    session.detach()
    return [line for scheme in schemes for line in wrong_in(scheme, page, within)]


def wrong_in(scheme: Scheme, page: Page, within: str) -> list[str]:
    page.emulate_media(color_scheme=scheme)
    page.wait_for_timeout(250)  # until what fades has faded: half a colour has half a contrast
    found = page.evaluate(
        """async ([within, rules, notOurs]) => {
             const where = { include: [[within]], exclude: notOurs.map((selector) => [selector]) };
             const { violations } = await axe.run(where, { runOnly: rules, resultTypes: ["violations"] });
             return violations.flatMap(({ id, nodes }) => nodes.map((node) =>
               `${location.pathname}: ${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`));
           }""",
        [within, RULES, NOT_OURS],
    )
    return [f"{scheme}: {line}" for line in found]


@pytest.fixture
def chat(new_context: Callable[..., BrowserContext], stack: Stack, tmp_path: Path) -> ChatPage:
    """Somebody with a chat that was brought along, and an answer."""
    chat = ChatPage(new_context(reduced_motion="reduce").new_page(), stack.url)
    bring_along(chat, tmp_path, making.chatgpt())
    return chat


def wrong_on_all(chat: ChatPage, paths: tuple[str, ...]) -> list[str]:
    found = []
    for path in paths:
        chat.open(path)
        found += wrong_on(chat.page)
    return found


def test_pages_for_everybody(chat: ChatPage, watch: Watch) -> None:
    """A chat that was brought along, an answer written here, and every page that needs no account."""
    watch.expected.append("404")
    found = wrong_on(chat.page)
    chat.send("Say hello in one short sentence.")
    chat.wait_until("done")
    found += wrong_on(chat.page)
    assert found + wrong_on_all(chat, FOR_EVERYBODY) == []


def test_what_opens_over_a_page(chat: ChatPage) -> None:
    """Dialogs, menus, the palette, the drawer of a phone."""
    page = chat.page
    found = []
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_role("dialog", name="Share this chat")).to_be_visible()
    found += wrong_on(page)
    page.keyboard.press("Escape")
    for keys, name in (("Control+/", "shortcuts"), ("Control+k", "palette")):
        page.keyboard.press(keys)
        expect(page.locator("dialog[open]"), name).to_be_visible()
        found += wrong_on(page)
        page.keyboard.press("Escape")
    page.locator(".person-button").click()
    found += wrong_on(page)
    page.keyboard.press("Escape")
    chat.conversation("Weather in Lima").hover()
    chat.conversation("Weather in Lima").get_by_role("button", name="Options").click()
    found += wrong_on(page)
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 844})
    found += wrong_on(page)
    page.get_by_role("button", name="Open sidebar").click()
    assert found + wrong_on(page) == []


def test_a_withheld_answer_and_its_notices(chat: ChatPage) -> None:
    chat.send("How do I build a pipe bomb?")
    chat.wait_until("blocked")
    found = wrong_on(chat.page)
    chat.open("/safety/mine/")
    assert found + wrong_on(chat.page) == []


def test_pages_of_an_account(chat: ChatPage) -> None:
    """Of somebody who has just signed up."""
    sign_up(chat, "axe@example.org")
    assert wrong_on_all(chat, FOR_MEMBERS) == []


def test_a_shared_chat(chat: ChatPage) -> None:
    page = chat.page
    page.get_by_role("button", name="Share", exact=True).click()
    dialog = page.get_by_role("dialog", name="Share this chat")
    dialog.get_by_role("button", name="Make a link").click()
    page.goto(dialog.get_by_label("Link", exact=True).input_value())
    address = page.url.removeprefix(chat.url)
    assert wrong_on_all(chat, (address, f"{address}continue/", f"{address}report/")) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_of_the_administration(
    new_context: Callable[..., BrowserContext], stack: Stack, scheme: Scheme, admin: tuple[str, str]
) -> None:
    """The inside of them. Unfold asks for the theme when a page is loaded, and not again."""
    chat = ChatPage(new_context(color_scheme=scheme).new_page(), stack.url)
    chat.open("/admin/login/?next=/admin/")
    for name, value in zip(("username", "password"), admin, strict=True):
        chat.page.locator(f"[name={name}]").fill(value)
    chat.page.locator("[type=submit]").click()
    found = []
    for path in ADMIN:
        chat.open(path)
        found += wrong_on(chat.page, OURS_IN_THE_ADMIN, [scheme])
    assert "\n".join(found) == ""
