"""What a hand can reach on a screen."""

from playwright.sync_api import Locator, expect

WHOLE = 0.99  # of what is in sight: edges lie between pixels
# Nobody but a script can scroll what hides its overflow.
IS_PULLED_IN = """(control) => {
  const { body } = document;
  const isMoved = ({ scrollLeft, scrollTop }) => scrollLeft !== 0 || scrollTop !== 0;
  for (let box = control.parentElement; box && box !== body; box = box.parentElement)
    if (getComputedStyle(box).overflowX === "hidden" && isMoved(box)) return true;
  return false;
}"""


def within_reach(control: Locator) -> Locator:
    """All of it is on the screen, where a person can scroll it to, and nothing lies over it."""
    control.click(trial=True)
    expect(control).to_be_in_viewport(ratio=WHOLE)
    assert not control.evaluate(IS_PULLED_IN)
    return control


def tap(control: Locator) -> None:
    within_reach(control).tap()
