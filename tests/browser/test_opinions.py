"""In a real browser: thumbs, comparing, the map, ideas, dictation, reading aloud, the sign of a finished answer."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from tests.browser.chat_page import ANSWER_MS, ChatPage
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
HELLO = "Say hello in one short sentence."

# Headless browsers have neither microphone nor voice: these stand for the browser's own interfaces, never for ours.
LISTENING_BROWSER = """
    class Listening extends EventTarget {
      start() { globalThis.listening = this; }
      stop() { setTimeout(() => this.onend?.(), 0); }
      abort() { this.stop(); }
      hear(...words) { this.onresult({ results: words.map((transcript) => [{ transcript }]) }); }
      fail(error) { this.onerror({ error }); this.onend(); }
    }
    globalThis.SpeechRecognition = globalThis.webkitSpeechRecognition = Listening;
"""
SPEAKING_BROWSER = """
    globalThis.spoken = [];
    globalThis.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
    const voice = {
      speak(utterance) { spoken.push(utterance.text); globalThis.speaking = utterance; },
      cancel() { globalThis.speaking = null; },
    };
    Object.defineProperty(globalThis, "speechSynthesis", { value: voice, configurable: true });
    globalThis.endSentence = () => speaking.onend();
"""
NO_VOICE_BROWSER = """
    Object.defineProperty(globalThis, "speechSynthesis", { value: undefined, configurable: true });
    globalThis.SpeechRecognition = globalThis.webkitSpeechRecognition = undefined;
"""
NOTE_READING = """(reply) => {
  globalThis.began = new Promise((resolve) =>
    new MutationObserver(resolve).observe(reply, { attributes: true, attributeFilter: ["data-reading"] }));
}"""
HIDE_PAGE = """
    Object.defineProperty(document, "hidden", { value: true, configurable: true, writable: true });
"""
SHOW_PAGE = """() => { document.hidden = false; document.dispatchEvent(new Event("visibilitychange")); }"""
SHOWN_NOTIFICATIONS = """async () => {
  const registration = await navigator.serviceWorker.ready;
  return (await registration.getNotifications()).some(({ body }) => body === "Your answer is finished.");
}"""
NO_SERVICE_WORKER = """
    Object.defineProperty(Navigator.prototype, "serviceWorker", { value: undefined, configurable: true });
"""
# A page itself may show none, as on phones; and a browser without a window asks nobody.
NOTED_NOTIFICATIONS = """
    globalThis.noted = [];
    globalThis.Notification = class {
      static permission = "default";
      static async requestPermission() { return (this.permission = "granted"); }
      constructor() { throw new TypeError("Illegal constructor."); }
    };
    if (isSecureContext) {
      ServiceWorkerRegistration.prototype.showNotification = async (title, options) => noted.push(options);
    }
"""


@pytest.fixture(params=SCREENS)
def context(request: pytest.FixtureRequest, new_context: Callable[..., BrowserContext]) -> BrowserContext:
    return new_context(**SCREENS[request.param])


def opened(context: BrowserContext, stack: Stack, *scripts: str) -> ChatPage:
    """The empty page of a newcomer, whose browser has these interfaces."""
    for script in scripts:
        context.add_init_script(script)
    chat = ChatPage(context.new_page(), stack.url)
    chat.open()
    return chat


def send(chat: ChatPage, text: str) -> None:
    """As a person does it on either screen."""
    chat.field.fill(text)
    chat.send_button.click()
    expect(chat.last).to_have_attribute("data-reply", re.compile(".{36}"), timeout=ANSWER_MS)


def answered(chat: ChatPage) -> None:
    """One question with its answer."""
    send(chat, HELLO)
    chat.wait_until("done")


def listen(chat: ChatPage) -> None:
    microphone = chat.page.get_by_role("button", name="Dictate")
    microphone.click()
    expect(microphone).to_have_attribute("aria-pressed", "true")


def fits(chat: ChatPage) -> bool:
    return bool(chat.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def thumb(chat: ChatPage, name: str) -> Locator:
    return chat.last.get_by_role("button", name=f"{name} answer", exact=True)


def test_a_thumb_its_reasons_and_taking_it_back(context: BrowserContext, stack: Stack) -> None:
    chat = opened(context, stack)
    answered(chat)
    panel = chat.last.locator(".feedback-panel")
    thumb(chat, "Bad").click()
    expect(thumb(chat, "Bad")).to_have_attribute("aria-pressed", "true")
    expect(panel).to_be_visible()
    assert fits(chat)
    offer = panel.get_by_role("button", name="Report answer")
    expect(offer).to_be_hidden()
    panel.get_by_label("Unsafe").check()
    offer.click()
    expect(chat.page.get_by_role("dialog", name="Report this answer")).to_be_visible()
    chat.page.get_by_role("button", name="Cancel").click()
    panel.get_by_role("textbox").fill("It frightens.")
    panel.get_by_role("button", name="Send").click()
    expect(panel).to_have_count(0)
    expect(thumb(chat, "Bad")).to_be_focused()
    assert stack.sql("SELECT text FROM chat_feedback ORDER BY id DESC LIMIT 1") == ["It frightens."]
    chat.page.reload()
    expect(thumb(chat, "Bad")).to_have_attribute("aria-pressed", "true")
    thumb(chat, "Bad").click()
    expect(panel.get_by_label("Unsafe")).to_be_checked()
    expect(panel.get_by_role("textbox")).to_have_value("It frightens.")
    assert fits(chat)
    thumb(chat, "Bad").click()
    expect(panel).to_have_count(0)
    thumb(chat, "Good").click()
    expect(thumb(chat, "Bad")).to_have_attribute("aria-pressed", "false")
    expect(panel.get_by_label("Well written")).to_be_visible()
    panel.get_by_role("textbox").press("Escape")
    expect(panel).to_have_count(0)
    thumb(chat, "Good").click()
    with chat.page.expect_response("**/thumb/"):  # the button is faster than the server
        panel.get_by_role("button", name="Take back").click()
    expect(thumb(chat, "Good")).to_have_attribute("aria-pressed", "false")
    expect(thumb(chat, "Good")).to_be_focused()
    expect(panel).to_have_count(0)
    chat.page.reload()
    expect(thumb(chat, "Good")).to_have_attribute("aria-pressed", "false")


def test_two_answers_are_compared_and_one_is_kept(context: BrowserContext, stack: Stack) -> None:
    chat = opened(context, stack)
    answered(chat)
    first = chat.reply_id
    chat.last.get_by_role("button", name="Write another answer").click()
    expect(chat.last).not_to_have_attribute("data-reply", first)
    chat.wait_until("done")
    second = chat.reply_id
    compare = chat.last.get_by_role("link", name="Compare")
    expect(compare).to_be_visible()
    compare.click()
    expect(chat.page.get_by_role("heading", name="Which answer is better?")).to_be_visible()
    expect(chat.page.get_by_text("Version 1")).to_have_count(0)
    boxes = [side.bounding_box() for side in chat.page.locator(".compare-side").all()]
    assert boxes[0] and boxes[1]
    is_wide = (chat.page.viewport_size or {"width": 0})["width"] > 767
    assert (boxes[0]["y"] == boxes[1]["y"]) == is_wide
    assert fits(chat)
    side = "left" if is_wide else "first"
    chat.page.get_by_role("button", name=f"{side.capitalize()} is better").click()
    expect(chat.page.get_by_text(f"You found the {side} one better.")).to_be_visible()
    shown = chat.page.locator(".compare-side", has_text="Version 1")
    shown.get_by_role("button", name="Keep this one").click()
    expect(chat.last).to_have_attribute("data-reply", first)
    assert second != first


def test_the_map_leads_to_another_branch(context: BrowserContext, stack: Stack) -> None:
    chat = opened(context, stack)
    answered(chat)
    first = chat.reply_id
    chat.last.get_by_role("button", name="Write another answer").click()
    expect(chat.last).not_to_have_attribute("data-reply", first)
    chat.wait_until("done")
    if context.pages[0].viewport_size == SCREENS["phone"]["viewport"]:
        chat.page.get_by_role("button", name="Open sidebar").click()
    chat.page.locator("#conversations [popovertarget=chat-menu]").first.click()
    chat.page.locator("#chat-menu").get_by_role("button", name="Map of branches").click()
    branches = chat.page.get_by_role("dialog", name="Branches of this chat")
    expect(branches.locator("svg a")).to_have_count(2)
    expect(branches.locator("svg a[aria-current]")).to_have_count(1)
    expect(branches.locator("svg a[aria-current]")).to_be_focused()
    expect(branches.locator("svg a[aria-current]")).to_be_in_viewport(ratio=0.9)
    other = branches.locator("svg a:not([aria-current])")
    other.focus()
    chat.page.keyboard.press("Enter")
    chat.page.wait_for_url(f"**/?at={first}")
    expect(chat.last).to_have_attribute("data-reply", first)


def test_other_ideas_come_and_one_is_asked(context: BrowserContext, stack: Stack) -> None:
    chat = opened(context, stack)
    ideas = chat.page.locator(".starter")
    expect(ideas).to_have_count(4)
    assert fits(chat)
    before = ideas.first.get_attribute("data-prompt") or ""
    chat.page.get_by_role("button", name="Other ideas").click()
    expect(ideas.first).not_to_have_attribute("data-prompt", before)
    prompt = ideas.first.get_attribute("data-prompt") or ""
    ideas.first.click()
    expect(chat.question).to_have_text(prompt)
    expect(chat.page.get_by_role("button", name="Other ideas")).to_be_hidden()


def test_what_is_spoken_is_written(context: BrowserContext, stack: Stack) -> None:
    """Beside what stood there; it is not sent by itself, and Escape only ends the listening."""
    chat = opened(context, stack, LISTENING_BROWSER)
    microphone = chat.page.get_by_role("button", name="Dictate")
    chat.field.fill("Please")
    listen(chat)
    assert chat.page.evaluate("[listening.lang, listening.interimResults]") == ["en-US", True]
    chat.page.evaluate("listening.hear('tell')")
    expect(chat.field).to_have_value("Please tell")
    chat.page.evaluate("listening.hear('tell me', ' a story')")
    expect(chat.field).to_have_value("Please tell me a story")
    expect(chat.page.locator("#dictation")).to_contain_text("Listening…")
    assert fits(chat)
    chat.page.keyboard.press("Escape")
    expect(microphone).to_have_attribute("aria-pressed", "false")
    expect(chat.page.locator("#dictation")).to_be_hidden()
    expect(chat.field).to_have_value("Please tell me a story")
    listen(chat)
    chat.page.evaluate("listening.fail('not-allowed')")
    expect(chat.page.locator("#dictation")).to_contain_text("may not use the microphone")
    expect(microphone).to_have_attribute("aria-pressed", "false")
    chat.page.evaluate("turns.insertAdjacentHTML('beforeend', `<p data-part='question' lang='de'>Und das?</p>`)")
    listen(chat)
    assert chat.page.evaluate("listening.lang") == "de"  # as the talk goes on


def test_whoever_types_has_the_word(context: BrowserContext, stack: Stack) -> None:
    """What is typed must not be overwritten by what is understood a moment later."""
    chat = opened(context, stack, LISTENING_BROWSER)
    listen(chat)
    chat.page.evaluate("listening.hear('Say hello')")
    chat.field.press_sequentially(" twice")
    chat.page.evaluate("listening.hear('Say hello to them')")
    expect(chat.field).to_have_value("Say hello twice")
    expect(chat.page.get_by_role("button", name="Dictate")).to_have_attribute("aria-pressed", "false")


def test_what_is_sent_is_not_written_again(context: BrowserContext, stack: Stack) -> None:
    """Words that are understood late belong to the message that is gone."""
    chat = opened(context, stack, LISTENING_BROWSER)
    listen(chat)
    chat.page.evaluate("listening.hear('Say hello')")
    chat.send_button.click()
    chat.page.evaluate("listening.hear('Say hello once more')")
    expect(chat.question).to_have_text("Say hello")
    expect(chat.field).to_have_value("")


def test_an_answer_is_read_aloud(context: BrowserContext, stack: Stack) -> None:
    """Sentence by sentence; a pause begins its sentence again; a stop is the end."""
    chat = opened(context, stack, SPEAKING_BROWSER)
    answered(chat)
    chat.body.evaluate(
        """(body) => body.innerHTML = "<div class='block'><p>One is here. Two is <math><mi>x</mi></math> there.</p>" +
             "<figure class='code'><pre>print(1)</pre></figure><ul><li>Three</li></ul></div>" """
    )
    chat.body.evaluate("(body) => body.lang = 'de'")
    chat.last.get_by_role("button", name="Read aloud").click()
    expect(chat.last.get_by_role("button", name="Pause reading")).to_be_visible()
    chat.page.evaluate("endSentence()")
    assert chat.page.evaluate("spoken") == ["One is here.", "Two is there."]
    assert chat.page.evaluate("speaking.lang") == "de"
    chat.last.get_by_role("button", name="Pause reading").click()
    assert chat.page.evaluate("speaking") is None
    chat.last.get_by_role("button", name="Go on reading").click()
    chat.page.evaluate("endSentence()")
    assert chat.page.evaluate("spoken.slice(2)") == ["Two is there.", "Three"]
    chat.last.get_by_role("button", name="Stop reading").click()
    expect(chat.last.get_by_role("button", name="Read aloud")).to_be_focused()
    assert chat.page.evaluate("speaking") is None


def test_there_are_no_buttons_without_the_interfaces(context: BrowserContext, stack: Stack) -> None:
    chat = opened(context, stack, NO_VOICE_BROWSER)
    expect(chat.page.get_by_role("button", name="Dictate")).to_have_count(0)
    answered(chat)
    expect(thumb(chat, "Good")).to_be_visible()
    expect(chat.last.get_by_role("button", name="Read aloud")).to_have_count(0)


def test_the_title_says_that_an_answer_is_finished(context: BrowserContext, stack: Stack) -> None:
    """Only while nobody looks, and with a notification only for who asked for one. The chat itself is open: it has no
    dot in the list, then or later."""
    chat = opened(context, stack, NOTED_NOTIFICATIONS)
    send(chat, HELLO)
    chat.page.evaluate(HIDE_PAGE)
    chat.wait_until("done")
    expect(chat.page).to_have_title(re.compile(r"^\(1\) "))
    assert chat.page.evaluate("noted") == []
    listed = chat.page.locator(".conversation:has([aria-current])")
    expect(listed).to_have_attribute("data-unread", "")
    expect(listed.locator(".sign")).to_be_hidden()
    with chat.page.expect_response("**/seen/"):
        chat.page.evaluate(SHOW_PAGE)
    expect(listed.locator(".sign")).to_have_count(0)
    expect(chat.page).to_have_title(re.compile(r"^[^(]"))
    chat.open("/settings/general/")
    switch = chat.page.get_by_role("switch", name=re.compile("Notifications"))
    switch.check()
    chat.page.wait_for_function("() => localStorage.getItem('cria.notify') === 'true'")
    chat.open("/")
    chat.page.evaluate("Notification.permission = 'granted'")
    send(chat, HELLO)
    chat.page.evaluate(HIDE_PAGE)
    chat.wait_until("done")
    chat.page.wait_for_function("() => noted.length === 1")
    shown = {"body": "Your answer is finished.", "tag": chat.page.url.removeprefix(chat.url)}
    assert chat.page.evaluate("noted") == [shown]


def test_where_nothing_can_show_them_no_notifications_are_offered(context: BrowserContext, stack: Stack) -> None:
    """A page at a plain address has no service worker."""
    chat = opened(context, stack, NO_SERVICE_WORKER)
    chat.open("/settings/general/")
    chat.page.wait_for_load_state("networkidle")
    expect(chat.page.get_by_role("switch", name=re.compile("Notifications"))).to_be_hidden()
