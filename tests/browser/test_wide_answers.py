"""Tables, code and formulas that are wider than a screen, on a desktop and on a phone."""

import pytest
from playwright.sync_api import Locator, Page, expect

from assistant.rendering import render
from tests.browser.fitting import spilled
from tests.browser.screen import within_reach
from tests.browser.test_reply import Apply, apply, page, snapshot
from tests.browser.test_talking import chat

__all__ = ["apply", "chat", "page"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

NUM_COLUMNS = 16
LINE = f"print('{'a long line ' * 12}')"
WIDE = f"""See {"averyverylongwordwithoutanybreak" * 5}.

| {" | ".join(f"Year {number}" for number in range(NUM_COLUMNS))} |
|{" --- |" * NUM_COLUMNS}
| {" | ".join(f"{number},000 llamas" for number in range(NUM_COLUMNS))} |

```python
{LINE}
```

$$ {" + ".join(f"x_{{{number}}}^{{{number}}}" for number in range(40))} = 0 $$
"""


def scrolls_to_its_end(part: Locator) -> bool:
    """It is between the edges of the screen, more is in it than is seen, and the last of it comes into sight."""
    return bool(
        part.evaluate(
            """(part) => {
                 const { left, right } = part.getBoundingClientRect();
                 part.scrollLeft = part.scrollWidth;
                 const isAtEnd = Math.abs(part.scrollLeft + part.clientWidth - part.scrollWidth) < 2;
                 return part.scrollLeft > 0 && isAtEnd && left >= 0 && right <= screen.width;
               }"""
        )
    )


def test_what_is_wide_scrolls_inside_itself(page: Page, apply: Apply) -> None:
    """And the page does not. Code is copied whole, and its lines are wrapped for who rather reads down."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    apply("1-1", "snapshot", **snapshot(state="done", blocks=render(WIDE)))
    code = page.locator("figure.code pre")
    for part in (page.locator(".table-scroll"), code, page.locator(".math-scroll")):
        assert scrolls_to_its_end(part)
    assert spilled(page) == []

    within_reach(page.get_by_role("button", name="Copy code")).click()
    page.wait_for_function("async (line) => (await navigator.clipboard.readText()).trim() === line", arg=LINE)
    within_reach(page.get_by_role("button", name="Wrap lines")).click()
    expect(page.get_by_role("button", name="Wrap lines")).to_have_attribute("aria-pressed", "true")
    assert not scrolls_to_its_end(code)
    assert spilled(page) == []
