"""Settings are seen at once, kept by the server, and usable in every language and at every size."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.chat_page import ChatPage
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

NewContext = Callable[..., BrowserContext]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
ZOOMED = {"viewport": {"width": 640, "height": 400}}
"""What a page of 1280 by 800 has at 200%."""
CODE = (
    '<div class="prose" id="sample"><p>نص <code>a = 1;</code></p>'
    '<figure class="code"><pre><code>(a)</code></pre></figure></div>'
)
PAGES = (
    *("/", "/about/", "/library/", "/safety/", "/accounts/login/", "/accounts/signup/"),
    *("/settings/", "/settings/general/", "/settings/assistant/", "/settings/memory/"),
)


@pytest.fixture
def page(chat: ChatPage) -> Page:
    return chat.page


def save(page: Page, button: str = "Save", said: str = "Saved") -> None:
    with page.expect_navigation():  # what the page before said is no answer
        page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("status").get_by_text(said, exact=True)).to_be_visible()


def root_style(page: Page, name: str) -> str:
    return str(page.evaluate("name => getComputedStyle(document.documentElement)[name]", name))


def overflowing(page: Page, url: str) -> list[str]:
    """The pages that are wider than the screen."""
    wide = []
    for path in PAGES:
        page.goto(url + path)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(path)
    return wide


def test_general_settings_apply_at_once_and_stay(page: Page, stack: Stack) -> None:
    """Language, theme and text size, on this page and on every other."""
    page.goto(f"{stack.url}/settings/general/")
    page.get_by_label("Language").select_option("Deutsch")
    page.locator(".settings-body").get_by_text("Dark", exact=True).click()
    page.get_by_text("Very large").click()
    save(page, said="Gespeichert")
    for path in ("/settings/general/", "/"):
        page.goto(stack.url + path)
        expect(page.locator("html")).to_have_attribute("lang", "de")
        assert root_style(page, "colorScheme") == "dark"
        assert root_style(page, "fontSize") == "21px"
    page.locator(".person-button").click()
    expect(page.locator("#person-menu [name=theme][value=dark]")).to_be_checked()


def test_the_theme_follows_a_person_to_another_device(page: Page, new_context: NewContext, stack: Stack) -> None:
    """The quick switch in the menu is kept by the server for somebody it knows, and by the browser before that."""
    page.locator(".person-button").click()
    page.locator("#person-menu").get_by_text("Dark", exact=True).click()
    assert page.evaluate("localStorage.getItem('cria.theme')") == '"dark"'
    page.goto(f"{stack.url}/settings/memory/")
    page.get_by_label("Something to remember").fill("I like figs")
    with page.expect_response("**/settings/theme/"):  # handed over to the guest that this browser is now
        save(page, "Add")
    page.wait_for_function("() => localStorage.getItem('cria.theme') === null")
    assert root_style(page, "colorScheme") == "dark"

    other = new_context(storage_state={"cookies": page.context.cookies(), "origins": []}).new_page()
    other.goto(stack.url)
    assert root_style(other, "colorScheme") == "dark"
    other.locator(".person-button").click()
    with other.expect_response("**/settings/theme/"):
        other.locator("#person-menu").get_by_text("Light", exact=True).click()
    page.reload()
    assert root_style(page, "colorScheme") == "light"


def test_shortcuts_can_be_switched_off(page: Page, stack: Stack) -> None:
    """They may be somebody's own keys for something else."""
    page.goto(f"{stack.url}/settings/general/")
    page.get_by_role("switch", name="Keyboard shortcuts").uncheck()
    save(page)
    page.keyboard.press("Control+/")
    expect(page.locator("#keys-dialog")).to_be_hidden()
    page.get_by_role("switch", name="Keyboard shortcuts").check()
    save(page)
    page.keyboard.press("Control+/")
    expect(page.locator("#keys-dialog")).to_be_visible()


def test_a_shortcut_gets_other_keys(page: Page, stack: Stack) -> None:
    """Pressed instead of typed; until they are kept they do what they did."""
    page.goto(f"{stack.url}/settings/keys/")
    search = page.get_by_role("button", name="Search, or go anywhere")
    expect(search).to_have_accessible_name("Search, or go anywhere Ctrl K")
    search.click()
    expect(search).to_contain_text("Press keys…")
    for keys, shown in (("Control+/", "Two shortcuts"), ("Control+c", "cannot be used")):
        page.keyboard.press(keys)
        expect(page.get_by_role("alert").filter(has_text=shown)).to_be_visible()
        expect(page.locator("#keys-dialog")).to_be_hidden()
        search.click()
    page.keyboard.press("Alt+Shift+J")
    expect(search).to_have_accessible_name("Search, or go anywhere Alt Shift J")
    page.get_by_role("button", name="The list of keys").click()
    page.keyboard.press("Backspace")
    save(page)
    page.keyboard.press("Control+k")
    page.keyboard.press("Control+/")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("Alt+Shift+J")
    expect(page.get_by_label("Search chats")).to_be_focused()


def test_the_preview_follows_the_form(page: Page, stack: Stack) -> None:
    """Word for word what the model would be sent, before anything is stored."""
    page.goto(f"{stack.url}/settings/assistant/")
    prompt = page.locator("#prompt")
    page.get_by_label("About me").fill("I teach biology in Cusco.")
    expect(prompt).to_contain_text("I teach biology in Cusco.")
    page.get_by_role("switch", name="Use what I write here").uncheck()
    expect(prompt).not_to_contain_text("biology")
    page.reload()
    expect(page.get_by_label("About me")).to_have_value("")
    page.get_by_label("About me").fill("I teach biology in Cusco.")
    save(page)
    expect(page.get_by_label("About me")).to_have_value("I teach biology in Cusco.")
    expect(prompt).to_contain_text("I teach biology in Cusco.")


def test_memory_is_seen_changed_and_deleted(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/settings/memory/")
    for text in ("I like figs", "I live in Cusco", "My dog is called Inti"):
        page.get_by_label("Something to remember").fill(text)
        save(page, "Add")
    memories = page.locator(".memory")
    expect(memories).to_have_count(3)

    page.get_by_label("Search in memory").fill("cusco")
    expect(memories).to_have_count(1)
    memories.get_by_text("Edit").click()
    memories.get_by_role("textbox").fill("I live in Puno")
    memories.get_by_role("button", name="Save").click()
    expect(page.get_by_text("I live in Puno", exact=True)).to_be_visible()

    page.get_by_role("button", name="Delete: I like figs").click()
    expect(memories).to_have_count(2)
    page.get_by_role("button", name="Delete all").click()
    dialog = page.get_by_role("dialog", name="Delete all memories?")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Cancel").click()
    expect(memories).to_have_count(2)
    page.get_by_role("button", name="Delete all").click()
    dialog.get_by_role("button", name="Delete all").click()
    expect(page.get_by_text("Nothing is remembered yet.")).to_be_visible()


def test_memory_is_switched_off_by_its_switch(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/settings/memory/")
    page.get_by_role("switch", name="Use memory").click()
    expect(page.get_by_role("status").get_by_text("Saved", exact=True)).to_be_visible()
    expect(page.get_by_role("switch", name="Use memory")).not_to_be_checked()


def test_settings_work_without_scripts(new_context: NewContext, stack: Stack) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(f"{stack.url}/settings/general/")
    page.locator(".settings-body").get_by_text("Dark", exact=True).click()
    save(page)
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_a_phone_has_the_list_first(new_context: NewContext, stack: Stack) -> None:
    """Then one page at a time, with the way back."""
    page = new_context(**PHONE).new_page()
    page.goto(f"{stack.url}/settings/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    page.get_by_role("navigation", name="Settings").get_by_role("link", name="Memory").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Memory")
    expect(page.get_by_role("navigation", name="Settings")).to_be_hidden()
    page.get_by_role("link", name="All settings").tap()
    expect(page).to_have_url(f"{stack.url}/settings/")
    heights = page.locator(".settings-nav a").evaluate_all("all => all.map((a) => a.getBoundingClientRect().height)")
    assert min(heights) >= 44


@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desktop", "phone"])
def test_arabic_runs_from_right_to_left(screen: dict[str, object], new_context: NewContext, stack: Stack) -> None:
    """And nothing sticks out at the side."""
    page = new_context(**screen, locale="ar").new_page()
    assert overflowing(page, stack.url) == []
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.goto(stack.url)
    width = page.viewport_size["width"] if page.viewport_size else 0
    if screen:
        page.locator(".topbar [data-sidebar-toggle]").tap()
        page.wait_for_function("() => getComputedStyle(document.querySelector('.sidebar')).transform === 'none'")
    sidebar = page.locator(".sidebar").bounding_box()
    assert sidebar
    assert round(sidebar["x"] + sidebar["width"]) in range(width - 16, width + 1)
    if screen:
        page.touchscreen.tap(10, 400)
        expect(page.locator(".sidebar")).to_be_hidden()
        off_screen = page.locator(".sidebar").evaluate("sidebar => sidebar.getBoundingClientRect().left")
        assert off_screen >= width


def test_code_runs_from_left_to_right_in_every_language(new_context: NewContext, stack: Stack) -> None:
    page = new_context(locale="ar").new_page()
    page.goto(stack.url)
    page.evaluate("html => document.querySelector('main').insertAdjacentHTML('beforeend', html)", CODE)
    assert page.locator("#sample pre").evaluate("pre => getComputedStyle(pre).direction") == "ltr"
    assert page.locator("#sample p code").evaluate("code => getComputedStyle(code).direction") == "ltr"
    assert page.locator("#sample p").evaluate("p => getComputedStyle(p).direction") == "rtl"


def test_at_200_percent_everything_is_there(new_context: NewContext, stack: Stack) -> None:
    """Nothing is cut off, and what is below is reached by scrolling down alone."""
    page = new_context(**ZOOMED).new_page()
    assert overflowing(page, stack.url) == []
    page.goto(stack.url)
    expect(page.get_by_label("Message", exact=True)).to_be_in_viewport()
    page.goto(f"{stack.url}/settings/general/")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").get_by_text("Saved", exact=True)).to_be_visible()


def test_very_large_text_fits_a_phone(new_context: NewContext, stack: Stack) -> None:
    page = new_context(**PHONE).new_page()
    page.goto(f"{stack.url}/settings/general/")
    page.get_by_text("Very large").tap()
    save(page)
    assert overflowing(page, stack.url) == []
    assert root_style(page, "fontSize") == "21px"
