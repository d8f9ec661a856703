"""The page's half of the protocol: `static/js/reply.js` fed by hand, on the real page with its real style."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat_page import ChatPage, Watch

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

CODE = '<figure class="code" data-language="python"><figcaption>python</figcaption><pre><code>{}</code></pre></figure>'
SOURCE = {"number": 1, "title": "Learn with Cria", "url": "/library/1/#p-2", "excerpt": "Ask for an example."}

JUMP = """() => {
  document.getElementById("jump").click();
  return document.scrollingElement.scrollHeight - scrollY - innerHeight < 1;
}"""

Apply = Callable[..., bool]


@pytest.fixture
def page(chat: ChatPage, watch: Watch) -> Page:
    """A page with one answer that has just begun. No server knows of it, so it does not know of copies either."""
    watch.expected.append("404")
    chat.page.evaluate(
        """async () => {
          const { ReplyView } = await import("/static/js/reply.js");
          const turn = document.getElementById("blank-turn").content.querySelector(".turn").cloneNode(true);
          document.getElementById("turns").append(turn);
          delete document.getElementById("chat").dataset.empty;
          window.view = new ReplyView(turn.querySelector(".reply"));
          window.view.begin("11111111-1111-4111-8111-111111111111");
        }"""
    )
    return chat.page


@pytest.fixture
def apply(page: Page) -> Apply:
    """Apply an event; says whether it changed anything."""

    def apply(cursor: str, kind: str, **fields: Any) -> bool:
        return bool(page.evaluate("event => window.view.apply(event)", {"type": kind, "cursor": cursor, **fields}))

    return apply


def shown(page: Page) -> list[str]:
    return page.locator(".block").all_inner_texts()


def snapshot(**fields: Any) -> dict[str, Any]:
    return {
        "state": "running",
        "phase": "writing",
        "blocks": [],
        "tail": None,
        "citations": [],
        "notices": [],
        "code_reports": [],
        "steps": [],
        "used": {},
        "support": [],
        "followups": [],
        "finish_reason": "",
        "error": None,
        **fields,
    }


def test_a_closed_block_takes_the_place_of_its_tail(page: Page, apply: Apply) -> None:
    """So the text of the two is never seen twice."""
    apply("1-1", "tail", index=0, html="<p>One tw</p>")
    apply("1-2", "block", index=0, html="<p>One two.</p>")
    apply("1-3", "tail", index=1, html="<p>Thr</p>")
    assert shown(page) == ["One two.", "Thr"]


def test_an_event_that_comes_again_changes_nothing(page: Page, apply: Apply) -> None:
    """After a reconnect the same events may arrive twice; an owner that lost the turn may still be heard."""
    apply("2-1", "tail", index=0, html="<p>New owner</p>")
    assert not apply("2-1", "tail", index=0, html="<p>Again</p>")
    assert not apply("1-9", "tail", index=0, html="<p>Old owner</p>")
    assert apply("2-10", "tail", index=0, html="<p>Tenth, not first</p>")
    assert shown(page) == ["Tenth, not first"]


def test_an_equal_snapshot_leaves_the_page_alone(page: Page, apply: Apply) -> None:
    """No flicker, and a selection survives."""
    apply("1-1", "block", index=0, html=CODE.format("x = 1"))
    page.wait_for_timeout(400)  # new words have faded in
    page.evaluate("""() => {
      window.changes = 0;
      new MutationObserver((records) => (window.changes += records.length))
        .observe(window.view.body, { childList: true, characterData: true, attributes: true, subtree: true });
    }""")
    apply("1-1", "snapshot", **snapshot(blocks=[CODE.format("x = 1")]))
    assert page.evaluate("window.changes") == 0


def test_a_snapshot_replaces_what_was_shown(page: Page, apply: Apply) -> None:
    """It is the truth, whatever came before it."""
    apply("1-1", "tail", index=0, html="<p>Something else</p>")
    apply("1-2", "citation", **SOURCE)
    apply("2-5", "snapshot", **snapshot(blocks=["<p>One.</p>"], tail="<p>Tw</p>"))
    assert shown(page) == ["One.", "Tw"]
    expect(page.locator(".source")).to_have_count(0)


def test_a_growing_code_block_stays_scrolled(page: Page, apply: Apply) -> None:
    """Who reads the end of a long line is not thrown back by the next line."""
    line = "print('" + "long " * 80 + "')"
    apply("1-1", "tail", index=0, html=CODE.format(line))
    page.locator("pre").evaluate("pre => (pre.scrollLeft = 300)")
    apply("1-2", "tail", index=0, html=CODE.format(line + "\nprint(1)"))
    assert page.locator("pre").evaluate("pre => pre.scrollLeft") == 300


def test_an_answer_says_in_which_language_it_is(page: Page, apply: Apply) -> None:
    """Screen readers and voices would else speak German as if it was English. What tells nothing is as the page is."""
    said = {
        "de": "Das ist nicht schwer: Du brauchst Mehl und eine Schüssel mit Wasser.",
        "ar": "الكتاب على الطاولة، و print هنا.",
        "fa": "سلام، چطور می‌توانم کمک کنم؟",
        "ur": "آپ کیسے ہیں؟ میں ٹھیک ہوں۔",
        "uk": "Як справи? Усе добре, дякую, є ідеї.",
        "ru": "Сейчас мы испечём ещё один хлеб.",
        "ja": "明日は東京で会議があります。",
        "zh": "我昨天买了苹果。",
        "th": "ฉันชอบกินข้าวผัด",
        "es": "La respuesta es que los gatos son como los perros para una familia.",
        "en": "It is one of the oldest loaves that you can bake with this flour.",
        None: "42",
    }
    body = page.locator("[data-part=body]").last
    for number, (language, text) in enumerate(said.items(), start=1):
        state = snapshot(state="done", blocks=[f"<p>{text}</p>"])
        apply(f"{number}-1", "snapshot", **state)
        assert body.get_attribute("lang") == language


def test_a_withdrawn_answer_is_gone_at_once(page: Page, apply: Apply) -> None:
    """Text and sources make room for the notice, and nothing of them can be copied any more."""
    apply("1-1", "citation", **SOURCE)
    apply("1-2", "block", index=0, html="<p>One.</p>")
    apply("1-3", "tail", index=1, html="<p>Two</p>")
    apply("1-4", "retract", html="<p>This answer was withheld.</p>")
    apply("1-5", "done", state="blocked", finish_reason="guard")
    assert shown(page) == ["This answer was withheld."]
    expect(page.locator(".source")).to_have_count(0)
    expect(page.get_by_role("button", name="Copy answer")).to_be_hidden()


def test_a_failed_answer_keeps_its_text_and_offers_another_try(page: Page, apply: Apply) -> None:
    """Unless trying again cannot help."""
    apply("1-1", "block", index=0, html="<p>Half an answer</p>")
    apply("1-2", "error", code="timed_out", text="This took too long.", retry=True)
    assert shown(page) == ["Half an answer"]
    expect(page.get_by_text("This took too long.")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    apply("2-1", "snapshot", **snapshot(state="failed", error={"code": "x", "text": "Too long.", "retry": False}))
    expect(page.get_by_text("Too long.")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()


def test_waiting_is_explained_in_words(page: Page, apply: Apply) -> None:
    """Dots alone say nothing; where text is held back, it says why and what comes."""
    said = {
        "queued": "Waiting for a free place…",
        "searching": "Looking in the library…",
        "checking_answer": "The safety check is still reading this answer: if it passes you see all of it",
        "waiting_for_model": "The model is restarting; your answer will continue…",
    }
    for index, (phase, words) in enumerate(said.items(), start=1):
        apply(f"1-{index}", "status", phase=phase)
        expect(page.get_by_text(words)).to_be_visible()


def test_code_is_copied_without_its_caption(page: Page, apply: Apply) -> None:
    """What lands in the clipboard runs."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    apply("1-1", "block", index=0, html=CODE.format("x = 1\n"))
    page.get_by_role("button", name="Copy code").click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()) === 'x = 1\\n'")


def test_long_lines_of_code_are_wrapped_for_good(page: Page, apply: Apply) -> None:
    """With the keyboard too; all code at once, that which comes later as well, and after a reload. The button stays
    where it was pressed."""
    overflows = "element => element.scrollWidth > element.clientWidth"
    long_line = CODE.format("word " * 400)
    for index, html in enumerate([long_line] * 3):
        apply(f"1-{index + 1}", "block", index=index, html=html)
    code, buttons = page.locator("figure.code pre"), page.get_by_role("button", name="Wrap lines")
    assert code.last.evaluate(overflows)
    buttons.last.scroll_into_view_if_needed()
    top = buttons.last.evaluate("button => button.getBoundingClientRect().top")
    buttons.last.press("Enter")
    assert abs(buttons.last.evaluate("button => button.getBoundingClientRect().top") - top) < 2
    apply("1-4", "block", index=3, html=long_line)
    for place in range(4):
        expect(buttons.nth(place)).to_have_attribute("aria-pressed", "true")
        assert not code.nth(place).evaluate(overflows)
    page.reload()
    expect(page.locator("html[data-wrap]")).to_have_count(1)


def test_the_last_answer_and_the_last_code_are_copied_with_keys(page: Page, apply: Apply) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    apply("1-1", "block", index=0, html="<p>Run:</p>", rest="")
    apply("1-2", "block", index=1, html=CODE.format("x = 1"))
    apply("1-3", "done", state="done", finish_reason="stop")
    for keys, copied in (("Control+Shift+;", "x = 1"), ("Control+Shift+C", "Run: x = 1")):
        page.keyboard.press(keys)
        page.wait_for_function(
            "async (text) => (await navigator.clipboard.readText()).replace(/\\s+/g, ' ') === text", arg=copied
        )


# Two frames: before the second the page has heard that it was scrolled.
SCROLL = """top => new Promise((heard) => {
    dispatchEvent(new WheelEvent('wheel', { deltaY: -1 }));  // as a person who leaves the end does
    scrollTo({ top, behavior: 'instant' });
    requestAnimationFrame(() => requestAnimationFrame(heard));
})"""


def test_a_long_answer_is_jumped_to_at_once_by_whoever_wants_no_motion(page: Page, apply: Apply) -> None:
    apply("1-1", "block", index=0, html="<p>Long.</p>" * 200, rest="")
    jump = page.get_by_role("button", name="Jump to the latest")
    motions: tuple[tuple[Literal["reduce", "no-preference"], bool], ...] = (("reduce", True), ("no-preference", False))
    for motion, is_at_once in motions:
        page.emulate_media(reduced_motion=motion)
        for place in (300, 0):
            page.evaluate(SCROLL, place)
        expect(jump).to_be_visible()
        assert page.evaluate(JUMP) is is_at_once


MOVES = """() => document.getAnimations().some(({ playState, effect }) =>
  playState === "running" && effect.getComputedTiming().duration > 1)"""


def test_new_words_do_not_move_for_whoever_wants_no_motion(page: Page, apply: Apply) -> None:
    """For others they fade in."""
    motions: tuple[tuple[Literal["reduce", "no-preference"], bool], ...] = (("reduce", False), ("no-preference", True))
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_function(f"() => !({MOVES})()")  # what the page began with is over
    for epoch, (motion, moves) in enumerate(motions, start=1):
        page.emulate_media(reduced_motion=motion)
        apply(f"{epoch}-1", "tail", index=0, html="<p>One.</p>" * epoch)
        assert page.evaluate(MOVES) is moves


def test_a_source_explains_itself_on_focus(page: Page, apply: Apply) -> None:
    """Escape takes the excerpt away, for it may lie over what one wants to read."""
    apply("1-1", "citation", **SOURCE)
    apply("1-2", "block", index=0, html="<p>One.</p>")
    apply("1-3", "done", state="done", finish_reason="stop")
    page.get_by_role("link", name="Learn with Cria").focus()
    expect(page.get_by_text("Ask for an example.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Ask for an example.")).to_be_hidden()


HELP = {"kind": "help_lines", "html": "<p>Somebody listens, at <strong>142</strong>.</p>"}
ADVICE = {"kind": "advice", "html": "<p>Ask somebody who knows your case.</p>"}
FINDINGS = {
    "figure": 0,
    "state": "findings",
    "found": [{"line": 1, "cwe": "CWE-78", "advice": "Pass a list and no shell."}],
    "not_scanned": None,
}


def test_help_stands_before_the_answer_and_advice_after_it(page: Page, apply: Apply) -> None:
    """Help comes first and moves nothing; a screen reader hears it when it comes."""
    apply("1-1", "notices", notices=[HELP])
    apply("1-2", "tail", index=0, html="<p>One.</p>")
    apply("1-3", "notices", notices=[HELP, ADVICE])
    expect(page.get_by_role("status").get_by_text("Somebody listens, at 142.")).to_be_visible()
    tops = page.evaluate("""() => [".aside[data-kind=help_lines]", ".block", ".aside[data-kind=advice]"]
      .map((part) => document.querySelector(`#turns ${part}`).getBoundingClientRect().top)""")
    assert tops == sorted(tops)
    apply("1-4", "retract", html="<p>Withheld.</p>")
    expect(page.locator("#turns .aside")).to_have_count(0)


def test_the_findings_of_a_code_block_open_with_the_keyboard(page: Page, apply: Apply) -> None:
    """The badge says how many; Enter shows line, kind and advice, and closes them again."""
    apply("1-1", "block", index=0, html=CODE.format("os.system(name)"))
    apply("1-2", "code_reports", reports=[FINDINGS])
    badge = page.get_by_role("button", name="Findings: 1")
    advice = page.get_by_text("Pass a list and no shell.")
    expect(advice).to_be_hidden()
    badge.focus()
    page.keyboard.press("Enter")
    expect(badge).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".code-found li")).to_have_text("Line 1 CWE-78 Pass a list and no shell.")
    page.keyboard.press("Enter")
    expect(advice).to_be_hidden()


def test_a_badge_says_whether_the_code_was_checked(page: Page, apply: Apply) -> None:
    """Three states, and never "checked" where nobody has looked. A snapshot shows the same."""
    looked: list[tuple[dict[str, str | None], str, str]] = [
        ({"state": "clean", "not_scanned": None}, "Checked", "No known weakness was found."),
        ({"state": "not_scanned", "not_scanned": "no_rules"}, "Not checked", "There are no rules for this language"),
        ({"state": "not_scanned", "not_scanned": "broken"}, "Not checked", "The code check is not available"),
    ]
    for epoch, (report, badge, words) in enumerate(looked, start=2):
        reports: list[dict[str, Any]] = [{"figure": 0, "found": [], **report}]
        code = CODE.format(f"x = {epoch}")
        apply(f"{epoch}-1", "snapshot", **snapshot(state="done", blocks=[code], code_reports=reports))
        page.get_by_role("button", name=badge, exact=True).click()
        expect(page.locator(".code-found")).to_contain_text(words)
        apply(f"{epoch}-2", "snapshot", **snapshot(state="done", blocks=[code], code_reports=reports))
        expect(page.locator("#turns .code-badge")).to_have_count(1)


def test_ideas_to_go_on_with_stand_under_the_last_answer(page: Page, apply: Apply) -> None:
    """Once it is done, and never under a withdrawn one; a snapshot shows the same."""
    ideas = page.get_by_role("list", name="Ideas to go on with")
    apply("1-1", "block", index=0, html="<p>One.</p>", rest="")
    page.evaluate("window.view.suggest(['Too early?'])")
    apply("1-2", "done", state="done", finish_reason="stop")
    expect(ideas).to_be_hidden()
    page.evaluate("window.view.suggest(['Why is that?', 'Show <b>me</b>.'])")
    expect(ideas.get_by_role("button")).to_have_text(["Why is that?", "Show <b>me</b>."])
    apply("2-1", "retract", html="<p>Withheld.</p>")
    expect(ideas).to_be_hidden()
    apply("2-2", "snapshot", **snapshot(state="done", blocks=["<p>One.</p>"], followups=["And now?"]))
    expect(ideas.get_by_role("button")).to_have_text("And now?")


def test_an_answer_that_was_cut_offers_to_go_on(page: Page, apply: Apply) -> None:
    """Whatever cut it: a stop or its length; a failure is in test_failing_stack."""
    for index, (state, finish, count) in enumerate(
        [("done", "stop", 0), ("done", "length", 1), ("cancelled", "stopped", 1)]
    ):
        apply(f"2-{index}", "snapshot", **snapshot(state=state, finish_reason=finish, blocks=["<p>One.</p>"]))
        expect(page.get_by_role("button", name="Continue")).to_have_count(count)


def test_an_answer_is_copied_without_what_is_said_about_its_code(page: Page, apply: Apply) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    apply("1-1", "block", index=0, html="<p>Run:</p>", rest="")
    apply("1-2", "block", index=1, html=CODE.format("os.system(name)"))
    apply("1-3", "code_reports", reports=[FINDINGS])
    apply("1-4", "done", state="done", finish_reason="stop")
    page.get_by_role("button", name="Findings: 1").click()
    page.get_by_role("button", name="Copy answer").click()
    page.wait_for_function(
        "async () => (await navigator.clipboard.readText()).replace(/\\s+/g, ' ') === 'Run: os.system(name)'"
    )


def test_what_was_asked_for_last_is_shown(page: Page) -> None:
    """Answers of the server may overtake each other: of two sources, and of two states of the gauge."""
    page.evaluate("""async () => {
      const { openSource } = await import("/static/js/citations.js");
      const { Gauge } = await import("/static/js/gauge.js");
      const chat = document.getElementById("chat");
      chat.dataset.conversation ||= "11111111-1111-4111-8111-111111111111";
      const gauge = new Gauge(document.getElementById("gauge"), { thread: { lastStored: null } });
      const button = (source) => {
        const made = document.createElement("button");
        made.dataset.source = made.dataset.sentence = source;
        chat.append(made);
        return made;
      };
      const fetched = window.fetch;
      const answers = [];
      window.fetch = () => new Promise((resolve) => answers.push(resolve));
      for (const ask of [(number) => openSource(window.view, button(number)), () => gauge.refresh()]) {
        const asked = [ask(1), ask(2)];
        const [first, second] = answers.splice(0);
        second(new Response("<p>The second</p>"));
        await asked[1];
        first(new Response("<p>The first</p>"));
        await asked[0];
      }
      window.fetch = fetched;
    }""")
    expect(page.locator("#source-panel")).to_have_text("The second")
    expect(page.locator("#gauge")).to_have_text("The second")


def test_sentences_are_marked_on_top_of_the_answer(page: Page, apply: Apply) -> None:
    """Over bold words and signs that a page counts twice; not in what is copied, and gone with the text. A line says
    how many were found; what was not is marked when somebody asks."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    blocks = ["<p>Well 😀, <strong>guests</strong> pay 12. The fee is <em>50</em> euros.</p>", CODE.format("x = 1")]
    support = [
        {"index": 0, "block": 0, "start": 0, "end": 22, "source": 1, "is_supported": True},
        {"index": 1, "block": 0, "start": 23, "end": 43, "source": 2, "is_supported": False},
    ]
    # Found out before the page hears that the answer is done.
    apply("1-9", "snapshot", **snapshot(blocks=blocks, support=support))
    apply("2-1", "done", state="done", finish_reason="stop")
    paragraph, marks = page.locator(".block p"), page.locator(".block .cite")
    expect(paragraph).to_have_text("Well 😀, guests pay 12.1 The fee is 50 euros.2?")
    assert page.locator(".unfound").all_inner_texts() == ["The fee is ", "50", " euros."]
    line, others = page.locator(".support"), page.get_by_role("button", name="Mark the others")
    expect(line).to_contain_text("1 of 2 sentences found in the sources")
    assert (marks.first.is_visible(), marks.last.is_visible()) == (True, False)
    others.press("Enter")
    expect(others).to_have_attribute("aria-pressed", "true")
    expect(others).to_be_focused()
    expect(marks.last).to_be_visible()
    expect(page.get_by_role("button", name="Not found in the source: 2?")).to_have_accessible_description(
        "No sentence of this source seems to say it."
    )
    page.get_by_role("button", name="Copy answer").click()
    page.wait_for_function(
        "async () => (await navigator.clipboard.readText()).startsWith('Well 😀, guests pay 12. The fee is 50 euros.')"
    )

    apply("2-1", "snapshot", **snapshot(state="done", blocks=blocks, support=support))
    expect(marks).to_have_count(2)
    others.click()
    expect(marks.last).to_be_hidden()
    all_found = [{**sentence, "is_supported": True} for sentence in support]
    apply("2-1", "snapshot", **snapshot(state="done", blocks=blocks, support=all_found))
    expect(line).to_have_text("2 of 2 sentences found in the sources")
    apply("2-2", "retract", html="<p>Withdrawn.</p>")
    expect(marks).to_have_count(0)
    expect(line).to_be_hidden()
    expect(paragraph).to_have_text("Withdrawn.")
