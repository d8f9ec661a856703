"""Nothing that axe-core can see is wrong, on every page for people, in both themes, on a desk and on a phone."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from django.urls import resolve
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect

from tests.browser.chat_page import ChatPage, Watch
from tests.browser.every_page import make_everything
from tests.browser.test_sharing import bring_along
from tests.stack import Stack
from tests.webapp.sharing import making
from tests.webapp.url_table import View, views

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
RULES_OF_ALL: dict[str, object] = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
RULES_OF_COLOURS: dict[str, object] = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""What another theme can change."""
RULES_OF_WIDTH: dict[str, object] = {
    "type": "rule",
    "values": [
        *("target-size", "scrollable-region-focusable", "aria-hidden-focus", "heading-order"),
        *("button-name", "link-name", "label"),
    ],
}
"""What a narrower page can change. Its colours are those of the wider one, and take ten times as long."""
DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}

# Who is in front of the page, where it is not somebody with an account and a chat.
WHO = {
    **dict.fromkeys(("account_login", "account_signup", "account_reset_password", "account_reset_password_done"), ""),
    **dict.fromkeys(("account_reset_password_from_key", "account_confirm_email", "openid_connect_login"), ""),
    **dict.fromkeys(("account_reauthenticate", "mfa_activate_totp", "mfa_add_webauthn"), "axe-plain"),
    "account_set_password": "axe-elsewhere",
    "mfa_authenticate": "halfway",
    "socialaccount_signup": "newcomer",
}
IN_A_DIALOG = frozenset({"chat_map", "chat_prompt", "folder", "folder_choice", "new_folder", "tags"})
# Those whose parts stand on other pages, where they are looked at; see also the tests below.
IN_A_PAGE = frozenset(
    {
        *("conversations", "import_state", "library:row", "queue", "review", "search_results", "share", "starters"),
        *("gauge", "search_similar", "source", "turns", "window"),
    }
)
NO_PAGES = frozenset(
    {
        # For scripts and machines.
        *("library:states", "manifest", "jsi18n", "service_worker", "healthz", "readyz", "robots", "model_is_away"),
        # Files.
        *("export_all", "export_chat", "picture", "shared_picture", "erasure_receipt_text", "download_export"),
        "mfa_download_recovery_codes",
        # Acts, which only lead on.
        *("set_language", "account_confirm_login_code", "mfa_login_webauthn", "openid_connect_callback"),
    }
)
# Asks for a key that is plugged in; the page is that of `mfa_reauthenticate` with a button.
NEEDS_A_KEY = frozenset({"mfa_reauthenticate_webauthn"})
OURS_IN_THE_ADMIN = "#content"  # around it stands Unfold's own markup, which is not ours to mend
NOT_OURS = ["#searchbar-submit", "thead .toggle", "thead .sortremove", "select.filtered"]  # and these of its lists
SCROLLS = 'aria-label="scrollable content"'
"""What Unfold's tables call themselves, all alike."""


def wrong_on(
    page: Page, within: str = "html", schemes: Sequence[Scheme] = SCHEMES, *, without: Sequence[str] = ()
) -> list[str]:
    """What axe-core finds, one line for each element: all in the first theme, in the other what colours can change.

    Runs it past the page's policy, as a browser's own tool does.
    """
    without = [*NOT_OURS, *without]
    bring_axe(page)
    is_dark = page.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches")
    first, *others = sorted(schemes, key=["light", "dark"].index, reverse=is_dark)  # the one it has now
    found = wrong_in(first, page, within, without, RULES_OF_ALL)
    for scheme in others:
        found += wrong_in(scheme, page, within, without, RULES_OF_COLOURS)
    return found


def wrong_in_the_administration(page: Page, within: str = OURS_IN_THE_ADMIN) -> list[str]:
    """The same of a page of Unfold's, which asks for the theme when it is loaded, and then has it in a class."""
    bring_axe(page)
    found = []
    for scheme, rules in zip(SCHEMES, (RULES_OF_ALL, RULES_OF_COLOURS), strict=True):
        page.evaluate("(isDark) => document.documentElement.classList.toggle('dark', isDark)", scheme == "dark")
        found += wrong_in(scheme, page, within, NOT_OURS, rules)
    page.evaluate("() => document.documentElement.classList.remove('dark')")
    page.emulate_media(color_scheme="light")
    return [line for line in found if SCROLLS not in line]


def bring_axe(page: Page) -> None:
    if not page.evaluate("() => 'axe' in window"):
        session = page.context.new_cdp_session(page)
        session.send("Runtime.evaluate", {"expression": Path(AXE_FILE_PATH).read_text()})
        session.detach()


def wrong_in(scheme: Scheme, page: Page, within: str, without: Sequence[str], rules: dict[str, object]) -> list[str]:
    page.emulate_media(color_scheme=scheme)
    found = page.evaluate(
        """async ([within, without, runOnly]) => {
             // Until what fades has faded: half a colour has half a contrast.
             const isFading = ({ playState, effect }) =>
               playState === "running" && Number.isFinite(effect.getComputedTiming().endTime);
             for (let fading = [null]; fading.length; fading = document.getAnimations().filter(isFading)) {
               await Promise.allSettled(fading.map((animation) => animation?.finished));
               await new Promise((resolve) => requestAnimationFrame(resolve));
             }
             const where = { include: [[within]], exclude: without.map((selector) => [selector]) };
             const { violations } = await axe.run(where, { runOnly, resultTypes: ["violations"] });
             return violations.flatMap(({ id, nodes }) => nodes.map((node) =>
               `${location.pathname}: ${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`));
           }""",
        [within, list(without), rules],
    )
    return [f"{scheme}: {line}" for line in found]


@pytest.fixture
def chat(new_context: Callable[..., BrowserContext], stack: Stack, tmp_path: Path) -> ChatPage:
    """Somebody with a chat that was brought along, and an answer."""
    chat = ChatPage(new_context(reduced_motion="reduce").new_page(), stack.url)
    bring_along(chat, tmp_path, making.chatgpt())
    return chat


class Visitor:
    """Goes to the pages of the URL table, as whoever each is for."""

    def __init__(self, context: BrowserContext, stack: Stack) -> None:
        self.page = context.new_page()
        self.url = stack.url
        self.made = make_everything(stack)
        report = f"{stack.url}{self.made['addresses']['experiment_report']}"
        self.page.route(report, lambda route: route.fulfill(body=self.made["report"], content_type="text/html"))

    def wrong_at(self, view: View) -> list[str]:
        """Raises AssertionError for an address that shows no page and is not known to show none."""
        self.become(WHO.get(view.name, "axe-member"))
        address = self.made["addresses"].get(view.name) or view.address(self.made["things"])
        if view.name in IN_A_DIALOG:
            return self._wrong_in_dialog(address)
        answer = self.page.goto(f"{self.url}{address}", wait_until="commit")
        assert answer is not None
        if answer.status == 405:
            return []
        self.page.wait_for_load_state("domcontentloaded")
        is_page = self.page.evaluate("() => document.doctype !== null")
        arrived = resolve(urlsplit(self.page.url).path).view_name
        assert (answer.status in {200, 401}, is_page, arrived) == (True, True, view.name), view
        return self._wrong_on_both_screens("html", without=["#sidebar"])  # the same on all; see the other tests

    def _wrong_in_dialog(self, address: str) -> list[str]:
        self.page.goto(f"{self.url}/about/")
        self.page.evaluate(
            """(address) => {
                 const button = document.createElement("button");
                 button.dataset.dialog = address;
                 document.body.append(button);
                 button.click();
                 button.remove();
               }""",
            address,
        )
        expect(self.page.locator("#organise-dialog")).to_be_visible()
        return self._wrong_on_both_screens("#organise-dialog")

    def _wrong_on_both_screens(self, within: str, without: Sequence[str] = ()) -> list[str]:
        found = wrong_on(self.page, within, without=without)
        self.page.set_viewport_size(PHONE)
        narrow = wrong_in("light", self.page, within, [*NOT_OURS, *without], RULES_OF_WIDTH)
        self.page.set_viewport_size(DESK)
        return found + [f"phone, {line}" for line in narrow]

    def become(self, who: str) -> None:
        context = self.page.context
        context.clear_cookies()
        if who:
            context.add_cookies([{"name": "sessionid", "value": self.made["cookies"][who], "url": self.url}])


def test_every_page_that_people_open(new_context: Callable[..., BrowserContext], stack: Stack, watch: Watch) -> None:
    """Along the URL table, so that no new one can be forgotten: it fails here until it is known how to get there."""
    # What is an act and no page, the refusal of a log-in; and the report is not asked of the server.
    watch.expected += ["Failed to load resource", "Service Worker registration blocked"]
    visitor = Visitor(new_context(reduced_motion="reduce", service_workers="block"), stack)
    shown = [view for view in views() if not view.is_admin and view.name not in IN_A_PAGE | NO_PAGES | NEEDS_A_KEY]
    found = [line for view in shown for line in visitor.wrong_at(view)]
    for who, address in (("axe-member", "/no-such-page/"), ("", "/")):
        visitor.become(who)
        visitor.page.goto(stack.url + address)
        found += wrong_on(visitor.page)
    assert found == []


def test_an_answer_that_was_written_here(chat: ChatPage) -> None:
    """With all that can be done with it, and why somebody does not like it."""
    found = wrong_on(chat.page)
    chat.send("Say hello in one short sentence.")
    chat.wait_until("done")
    chat.last.get_by_role("button", name="Bad answer").click()
    expect(chat.last.get_by_role("heading", name="What was wrong?")).to_be_visible()
    assert found + wrong_on(chat.page) == []


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
    page.set_viewport_size(PHONE)
    found += wrong_on(page)
    page.get_by_role("button", name="Open sidebar").click()
    assert found + wrong_on(page) == []


def test_a_withheld_answer_and_its_notices(chat: ChatPage) -> None:
    chat.send("How do I build a pipe bomb?")
    chat.wait_until("blocked")
    found = wrong_on(chat.page)
    chat.open("/safety/mine/")
    assert found + wrong_on(chat.page) == []
