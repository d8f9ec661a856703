"""A product team changes a prompt in the morning: written, approved, tried, run, shipped and taken back."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from assistant.prompt_text import SYSTEM_PROMPT, content_hash
from tests.browser.chat_page import ANSWER_MS, LONG_TEXT, ChatPage, Watch
from tests.browser.chatters import make_chatters
from tests.browser.staff import at_work, make_staff
from tests.browser.test_axe import wrong_in_the_administration, wrong_on
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

HELLO = "Say hello in one short sentence."
PROMPTS, EXPERIMENTS = "/admin/experiments/promptversion/", "/admin/experiments/experiment/"
HOLDOUTS = "/admin/experiments/holdout/"
ADDED = " Be warm."
WARM = SYSTEM_PROMPT + ADDED
GOAL = "Kept answers, first six hours"
MOST_TABS = 60
REASON = "People keep more of the warm answers."


@pytest.fixture(scope="module", autouse=True)
def _staff(stack: Stack) -> None:
    make_staff(stack, "experimenter", "Ada", "Grace")
    make_staff(stack, "moderator", "mo")
    make_staff(stack, "administrator", "alan")


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """What axe-core finds on the way; the walk goes on, and says all of it in the end."""
    found: list[str] = []
    yield found
    assert "\n".join(found) == ""


def look(page: Page, faults: list[str]) -> None:
    """This page in both themes."""
    faults += wrong_in_the_administration(page)


def press(page: Page, target: Locator) -> None:
    """By keys alone: Tab from the beginning of the content on, then Enter."""
    expect(target).to_be_visible()
    page.locator("#content-main").evaluate("main => { main.tabIndex = -1; main.focus(); }")
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if target.evaluate("target => target === document.activeElement"):
            break
    expect(target).to_be_focused()
    with page.expect_navigation():
        page.keyboard.press("Enter")


def button(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.locator("#content-main").get_by_role("button", name=name)


def link(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.locator("#content-main").get_by_role("link", name=name)


def asked(chat: ChatPage) -> None:
    chat.send(HELLO)
    chat.wait_until("done")


def read_results(ada: Page, faults: list[str]) -> None:
    """Figures by the button, then all that can be done with them; back on the page of results in the end."""
    ada.reload()
    press(ada, button(ada, "Compute now"))
    kept = ada.get_by_role("row").filter(has=ada.get_by_role("rowheader", name=GOAL))
    change = kept.locator("strong")
    while not (kept.count() and button(ada, "Compute now").count()):  # as somebody does who waits for the worker
        ada.wait_for_timeout(200)
        ada.reload()
    results = ada.url
    expect(kept.locator("svg.plot-row")).to_be_visible()
    expect(change).to_have_text(re.compile(r"^\+.* %$"))
    look(ada, faults)
    press(ada, link(ada, "absolute"))
    expect(change).to_have_text(re.compile(r"^\+.* points$"))
    with ada.expect_download() as download:
        link(ada, "Download as CSV").click()
    assert "kept_rate" in download.value.path().read_text()
    press(ada, kept.get_by_role("link", name="look closer"))
    expect(ada.get_by_role("heading", name="Day by day")).to_be_visible()
    expect(ada.locator("svg.plot-series")).to_be_visible()
    look(ada, faults)
    press(ada, link(ada, "All results"))
    press(ada, button(ada, "Make a report"))
    address = re.search(r"http\S+", ada.get_by_text("Copy the link now").inner_text())
    assert address is not None
    ada.goto(address[0])
    expect(ada.locator("svg.plot-row").first).to_be_visible()
    faults += wrong_on(ada)
    ada.goto(results)


def test_from_a_new_prompt_to_production_and_back(
    new_context: Callable[..., BrowserContext], stack: Stack, chat: ChatPage, faults: list[str]
) -> None:
    """Two of the team and somebody who only chats, with nothing but what the pages offer."""
    ada = at_work(new_context(), stack, "Ada", f"{PROMPTS}add/")
    look(ada, faults)
    expect(ada.get_by_label("Prompt")).to_have_value(SYSTEM_PROMPT)
    ada.get_by_label("Prompt").fill(WARM)
    ada.get_by_label("What changes, and why").fill("Warmer")
    button(ada, "Save as a new version").click()
    expect(ada.locator(".diff ins").first).to_contain_text(ADDED.strip())
    expect(ada.get_by_text("a colleague approves it")).to_be_visible()
    expect(button(ada, "Approve for production")).to_have_count(0)
    look(ada, faults)
    prompt = ada.url

    grace = at_work(new_context(), stack, "Grace", prompt.removeprefix(stack.url))
    press(grace, button(grace, "Approve for production"))
    expect(grace.get_by_text("Grace approved it")).to_be_visible()

    ada.goto(prompt)
    press(ada, link(ada, "Try it in the playground"))
    look(ada, faults)
    ada.locator("#id_c0-source").select_option("built-in")
    ada.get_by_label("A message, typed now").fill(HELLO)
    button(ada, "Start").click()
    expect(ada.locator(".cell:not([aria-busy])")).to_have_count(2, timeout=ANSWER_MS)
    for answer in ada.locator(".cell .answer").all():
        expect(answer).to_have_text(re.compile(r"\w"))
    look(ada, faults)

    press(ada, link(ada, "Start an experiment with this"))
    look(ada, faults)
    expect(ada.locator("#id_arms-1-prompt option:checked")).to_contain_text("1")
    ada.get_by_label("Hypothesis").fill("Warm answers are kept more often.")
    ada.get_by_label("Begins with").select_option("All at once")
    button(ada, "Save as a draft").click()
    expect(ada.locator(".check-met").first).to_be_visible()
    expect(ada.locator(".check-missing")).to_have_count(0)
    look(ada, faults)
    press(ada, button(ada, re.compile("^Start$")))
    expect(ada.get_by_text("It has started.")).to_be_visible()
    experiment = ada.url

    asked(chat)
    (arm,) = stack.sql("SELECT arm FROM chat_reply WHERE id = ?", chat.reply_id.replace("-", ""))
    assert re.fullmatch(r"[\w-]+:[ab]#\d+", arm)
    assert stack.sql("SELECT COUNT(*) FROM experiments_exposure WHERE NOT is_forced") == [1]
    ada.goto(experiment)
    expect(ada.locator(".facts div", has_text="People in this phase")).to_contain_text("1")
    look(ada, faults)

    press(ada, link(ada, "Results"))
    press(ada, button(ada, "Compute now"))
    expect(ada.get_by_role("heading", name="No data yet")).to_be_visible()
    expect(ada.get_by_text(re.compile("hours? ends? on"))).to_be_visible()
    look(ada, faults)
    make_chatters(stack)
    read_results(ada, faults)
    expect(ada.get_by_role("heading", name="Ship", exact=True)).to_be_visible()
    press(ada, link(ada, re.compile("^Ship")))
    look(ada, faults)
    ada.get_by_label("Why").fill(REASON)
    press(ada, button(ada, "Ship it"))
    expect(ada.get_by_text("Everybody gets it with their next message.")).to_be_visible()
    look(ada, faults)

    asked(chat)
    (served,) = stack.sql("SELECT prompt_version FROM chat_reply WHERE id = ?", chat.reply_id.replace("-", ""))
    assert served == content_hash(WARM)
    grace.goto(stack.url + PROMPTS)
    panel = grace.get_by_role("region", name="In production")
    expect(panel).to_contain_text(content_hash(WARM))
    look(grace, faults)
    grace.get_by_role("button", name="Roll back to the built-in prompt").click()
    expect(panel).to_contain_text(content_hash(SYSTEM_PROMPT))


def test_an_answer_in_the_playground_is_stopped_and_its_session_deleted(
    new_context: Callable[..., BrowserContext], stack: Stack, faults: list[str]
) -> None:
    """While it is written, by keys alone, though the cell is drawn anew several times a second."""
    ada = at_work(new_context(), stack, "Ada", "/admin/experiments/playgroundsession/add/")
    ada.get_by_label("A message, typed now").fill(LONG_TEXT)
    button(ada, "Start").click()
    cell = ada.locator(".cell")
    expect(cell.locator(".answer")).to_have_text(re.compile(r"\w"), timeout=ANSWER_MS)
    press(ada, button(ada, "Stop"))
    expect(cell.get_by_role("heading")).to_contain_text("stopped")
    expect(cell.locator(".answer")).to_have_text(re.compile(r"\w"))
    expect(button(ada, "Try again")).to_be_visible()
    look(ada, faults)
    ada.get_by_text("Delete this session").click()
    press(ada, button(ada, "Delete it"))
    expect(ada.get_by_text("Deleted.")).to_be_visible()
    assert stack.sql("SELECT COUNT(*) FROM experiments_playgroundrun WHERE state = 'stopped'") == [0]


def test_a_holdout_from_its_form_to_its_results(
    new_context: Callable[..., BrowserContext], stack: Stack, chat: ChatPage, faults: list[str]
) -> None:
    """An administrator begins it, somebody chats and is on a side, and both ends and results are one press away."""
    alan = at_work(new_context(), stack, "alan", f"{HOLDOUTS}add/")
    look(alan, faults)
    alan.get_by_label("Why").fill("What this year is worth.")
    press(alan, button(alan, "Begin the holdout"))
    expect(alan.get_by_text("Its people keep what is in production now.")).to_be_visible()
    look(alan, faults)
    holdout = alan.url
    asked(chat)
    press(alan, link(alan, re.compile("^Results")))
    expect(alan.get_by_role("heading", name="No data yet")).to_be_visible()
    expect(alan.locator(".verdict-facts div", has_text="People")).to_contain_text("1")
    expect(alan.get_by_text("nothing was shipped since it began")).to_be_visible()
    look(alan, faults)
    alan.goto(holdout)
    press(alan, button(alan, "Begin the next period now"))
    expect(alan.get_by_role("row", name=re.compile("^Period 2"))).to_be_visible()
    look(alan, faults)
    alan.get_by_label("Why").fill("Seen enough.")
    press(alan, button(alan, "End the holdout"))
    expect(alan.get_by_text("Its people get what everybody gets.")).to_be_visible()
    expect(alan.get_by_role("row", name=re.compile("^Period 2"))).to_be_visible()


def test_a_moderator_has_no_part_in_it(new_context: Callable[..., BrowserContext], stack: Stack, watch: Watch) -> None:
    """Neither in the menu nor by its address."""
    watch.expected.append("403")
    page = at_work(new_context(), stack, "mo", "/admin/")
    expect(page.locator("a[href='/admin/moderation/case/']").first).to_be_visible()
    expect(page.locator("a[href^='/admin/experiments/']")).to_have_count(0)
    for path in (EXPERIMENTS, PROMPTS, f"{PROMPTS}add/", "/admin/experiments/playgroundsession/add/"):
        answer = page.goto(stack.url + path)
        assert answer is not None
        assert answer.status == 403, path
