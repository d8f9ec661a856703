"""What a hand can reach on a screen, and what an eye sees without moving it sideways."""

from playwright.sync_api import Locator, Page, expect

WHOLE = 0.99  # of what is in sight: edges lie between pixels


def within_reach(control: Locator) -> Locator:
    """All of it is on the screen, where it is scrolled to, and nothing lies over it."""
    control.click(trial=True)
    expect(control).to_be_in_viewport(ratio=WHOLE)
    return control


def tap(control: Locator) -> None:
    within_reach(control).tap()


def fits(page: Page) -> bool:
    """The page does not scroll sideways. A phone zooms out of one that is too wide: what it then says of itself is no
    measure."""
    assert page.viewport_size
    return bool(page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"])
