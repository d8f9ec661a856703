"""The talk as a tree: other answers, changed questions, going on, messages that wait, long chats, temporary ones."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import dateformat
from playwright.sync_api import BrowserContext, Error, Locator, Route, expect

from tests.browser.chat_page import ANSWER_MS, LONG_TEXT, ChatPage, Watch
from tests.browser.test_resume import settled
from tests.stack import ROOT, Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
HELLO = "Say hello in one short sentence."
GOODBYE = "Say goodbye in one short sentence."
GROW = """
import datetime, uuid
from django.db import transaction
from django.utils import timezone
from webapp.chat.models import Conversation, Message, Reply
conversation = Conversation.objects.get(pk="{conversation}")
parent, at = conversation.replies.get().pk, timezone.now()
messages, replies = [], []
for number in range({num_turns}):
    at += datetime.timedelta(milliseconds=1)
    message = Message(id=uuid.uuid4(), conversation=conversation, parent_id=parent, text=f"Question {{number}}.")
    answer = f"This is answer {{number}}. It is about **Andean** llámas. " + "They walk over the pass. " * 20
    shown = answer.replace("**Andean**", "<strong>Andean</strong>")
    reply = Reply(conversation=conversation, message=message, state="done", text=answer, created_at=at,
                  blocks=["<p>" + shown + "</p>"], seed=number, deadline=at,
                  filled={{"room": 3000, "instructions": 100, "earlier": 2100, "question": 20}})
    messages.append(message)
    replies.append(reply)
    parent = reply.pk
with transaction.atomic():
    Message.objects.bulk_create(messages)
    Reply.objects.bulk_create(replies)
    Conversation.objects.filter(pk=conversation.pk).update(selected=replies[-1])
"""
SUSPEND = """
from django.utils import timezone
from webapp.chat.models import Conversation
person = Conversation.objects.get(pk="{conversation}").owner
person.suspended_until, person.suspension_reason = timezone.now() + timezone.timedelta(days={days}), "Insults"
person.save()
"""
AGE = """() => localStorage.setItem("cria.outbox", JSON.stringify(
  JSON.parse(localStorage.getItem("cria.outbox")).map((entry) => ({ ...entry, at: entry.at - 120_000 }))))"""


NOTE_BEGINNINGS = """() => {
  window.beginnings = [];
  const isReply = (node) => node.matches?.(".reply");
  new MutationObserver((records) => {
    for (const reply of records.flatMap(({ addedNodes }) => [...addedNodes]).filter(isReply))
      window.beginnings.push(reply.querySelector("[data-part=body]").textContent.trim());
  }).observe(document.getElementById("turns"), { childList: true, subtree: true });
}"""


def run_in(stack: Stack, program: str, **values: object) -> None:
    """Change the rows of the running assistant."""
    subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity=0", "-c", program.format(**values)],
        cwd=ROOT,
        env={**stack.environment, "DJANGO_SETTINGS_MODULE": "webapp.settings", "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )


@pytest.fixture(params=SCREENS)
def chat(request: pytest.FixtureRequest, new_context: Callable[..., BrowserContext], stack: Stack) -> ChatPage:
    """The empty page of a newcomer, on a desktop and on a phone."""
    chat = ChatPage(new_context(**SCREENS[request.param]).new_page(), stack.url)
    chat.open()
    return chat


@pytest.fixture
def desk(new_context: Callable[..., BrowserContext], stack: Stack) -> ChatPage:
    chat = ChatPage(new_context(**SCREENS["desktop"]).new_page(), stack.url)
    chat.open()
    return chat


@contextmanager
def thinking(stack: Stack, part: str = "web") -> Iterator[None]:
    """Meanwhile the server is there, and says nothing."""
    pid = stack.pid(part)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def unsent(chat: ChatPage, text: str) -> Locator:
    """What the person decides on: the turn with this question."""
    return chat.page.locator(".turn:has([data-part=unsent]:not([hidden]))").filter(has_text=text)


def send(chat: ChatPage, text: str) -> None:
    """With the button: on a phone Enter begins a new line."""
    chat.field.fill(text)
    chat.send_button.click()
    expect(chat.question).to_have_text(text)
    expect(chat.last).to_have_attribute("data-reply", re.compile(".{36}"), timeout=ANSWER_MS)


def conversation_of(chat: ChatPage) -> str:
    return chat.page.url.rstrip("/").rsplit("/", 1)[-1]


def versions(chat: ChatPage, whose: str) -> Locator:
    return chat.page.locator(".turn:last-child").get_by_role("group", name=f"Versions of {whose}")


def test_another_answer_and_back(chat: ChatPage) -> None:
    """Both are kept, the chosen one is shown after a reload, and the focus stays on the arrow. It begins with nothing,
    whatever was asked for before."""
    send(chat, HELLO)
    chat.wait_until("done")
    first = chat.reply_id
    chat.page.evaluate(NOTE_BEGINNINGS)
    chat.last.locator("[data-do=continue]").dispatch_event("click")  # refused: it is not offered for what is done
    expect(chat.page.locator("#composer-notice")).to_be_visible()
    chat.last.get_by_role("button", name="Write another answer").click()
    expect(chat.last).not_to_have_attribute("data-reply", first)
    assert chat.page.evaluate("window.beginnings") == [""]
    chat.wait_until("done")
    second = chat.reply_id
    answers = versions(chat, "this answer")
    expect(answers).to_contain_text("2/2")
    answers.get_by_role("button", name="Previous version").press("Enter")
    expect(chat.last).to_have_attribute("data-reply", first)
    expect(answers).to_contain_text("1/2")
    expect(answers.get_by_role("button", name="Next version")).to_be_focused()
    chat.page.reload()
    expect(chat.last).to_have_attribute("data-reply", first)
    answers.get_by_role("button", name="Next version").click()
    expect(chat.last).to_have_attribute("data-reply", second)


def test_a_question_is_changed_in_its_place(chat: ChatPage) -> None:
    """The old one stays as a version with what followed it; other tabs show the chosen branch, too."""
    send(chat, HELLO)
    chat.wait_until("done")
    send(chat, "Say it once more.")
    chat.wait_until("done")
    other = ChatPage(chat.page.context.new_page(), chat.url)
    other.page.goto(chat.page.url)
    chat.page.locator(".turn").first.hover()
    chat.page.locator(".turn").first.locator(".question").get_by_role("button", name="Edit message").click()
    changed = chat.page.get_by_label("Your message, changed")
    expect(changed).to_have_value(HELLO)
    changed.press("Escape")
    expect(changed).to_have_count(0)
    chat.page.locator(".turn").first.locator(".question").get_by_role("button", name="Edit message").click()
    changed.fill(GOODBYE)
    chat.page.reload()  # what was being changed is there again
    chat.page.locator(".turn").first.hover()
    chat.page.locator(".turn").first.locator(".question").get_by_role("button", name="Edit message").click()
    expect(changed).to_have_value(GOODBYE)
    changed.press("Control+Enter")
    expect(chat.page.locator(".turn")).to_have_count(1)
    expect(chat.question).to_have_text(GOODBYE)
    expect(versions(chat, "your message")).to_contain_text("2/2")
    chat.wait_until("done")
    expect(other.question).to_have_text(GOODBYE)
    versions(chat, "your message").get_by_role("button", name="Previous version").click()
    expect(chat.page.locator(".turn")).to_have_count(2)
    expect(other.page.locator(".turn")).to_have_count(2)
    other.page.reload()
    expect(other.question).to_have_text("Say it once more.")


def test_a_stopped_answer_goes_on(chat: ChatPage) -> None:
    """From the very word, in the same place, without its text ever going away."""
    send(chat, LONG_TEXT)
    chat.wait_for_words(12)
    chat.send_button.click()
    chat.wait_until("cancelled")
    kept, first = settled(chat.answer), chat.reply_id
    chat.last.get_by_role("button", name="Continue").click()
    expect(chat.last).not_to_have_attribute("data-reply", first)
    assert settled(chat.answer).startswith(kept)
    chat.wait_for_words(len(kept.split()) + 8)
    assert settled(chat.answer).startswith(kept)
    chat.page.reload()
    assert settled(chat.answer).startswith(kept)
    expect(chat.last).to_have_attribute("data-state", re.compile("done|blocked"), timeout=ANSWER_MS)
    expect(versions(chat, "this answer")).to_contain_text("2/2")


def test_what_waits_is_sent_when_the_answer_is_done(chat: ChatPage) -> None:
    """From the server: the page that queued it is gone by then."""
    send(chat, LONG_TEXT)
    chat.field.fill(HELLO)
    chat.page.get_by_role("button", name="Send when this answer is finished").click()
    chat.field.fill(GOODBYE)
    chat.page.get_by_role("button", name="Send when this answer is finished").click()
    expect(chat.field).to_have_value("")
    waiting = chat.page.locator(".queued")
    expect(waiting).to_have_count(2)
    waiting.last.get_by_role("button", name="Remove this message").click()
    expect(waiting).to_have_count(1)
    address, context = chat.page.url, chat.page.context
    chat.page.close()
    chat = ChatPage(context.new_page(), chat.url)
    chat.page.goto(address)
    expect(chat.page.locator(".queued")).to_have_count(1)
    expect(chat.page.locator(".turn")).to_have_count(2, timeout=ANSWER_MS)
    expect(chat.question).to_have_text(HELLO)
    expect(chat.page.locator(".queued")).to_have_count(0)
    chat.wait_until("done")


def test_what_is_taken_back_was_not_sent(desk: ChatPage, stack: Stack) -> None:
    """The page asks first: of a message that went out a moment ago nothing is put into the field."""
    desk.send("Write a short story about a lost llama in the Andes.")
    desk.field.fill(GOODBYE)
    desk.field.press("Enter")
    waiting = desk.page.locator(".queued")
    expect(waiting).to_have_count(1)
    conversation = conversation_of(desk).replace("-", "")
    with thinking(stack):
        sent = "SELECT COUNT(*) FROM chat_message WHERE conversation_id = ?"
        while stack.sql(sent, conversation) == [1]:
            desk.page.wait_for_timeout(100)
        waiting.get_by_role("button", name="Edit this message").click()
        expect(waiting).to_have_count(1)
    expect(desk.page.get_by_text("This message was sent a moment ago.")).to_be_visible()
    expect(desk.question).to_have_text(GOODBYE)
    expect(desk.field).to_have_value("")
    expect(waiting).to_have_count(0)
    desk.wait_until("done")


def test_the_next_message_waits_for_the_first_to_be_stored(desk: ChatPage, stack: Stack, watch: Watch) -> None:
    """Without a word of a lost connection: there is one. And where the first gets nowhere, both stay in sight."""
    watch.expected.append("Failed to load resource")
    held: list[Route] = []
    guest_url = desk.page.locator("#chat").get_attribute("data-guest-url")
    desk.page.route(f"**{guest_url}", lambda route: held.append(route))
    with desk.page.expect_request(lambda request: request.method == "POST"):
        desk.field.fill(HELLO)
        desk.field.press("Enter")
    desk.field.fill(GOODBYE)
    desk.field.press("Enter")
    expect(desk.field).to_have_value("")
    expect(desk.page.locator("#composer-notice")).to_be_hidden()
    expect(desk.question).to_have_text(GOODBYE)
    held[0].abort()
    expect(unsent(desk, HELLO)).to_have_count(1)
    expect(unsent(desk, GOODBYE)).to_have_count(1)
    desk.page.unroute_all()

    desk.page.reload()
    unsent(desk, HELLO).get_by_role("button", name="Send again").click()
    unsent(desk, GOODBYE).get_by_role("button", name="Send again").click()
    expect(desk.page.locator("[data-part=unsent]:visible")).to_have_count(0)
    expect(desk.page.locator("[data-reply][data-state=done]")).to_have_count(2, timeout=ANSWER_MS)
    expect(desk.page.locator(".turn [data-part=question]")).to_have_text([HELLO, GOODBYE])


def test_what_is_refused_stays_in_sight(desk: ChatPage, stack: Stack) -> None:
    """In the field if that is empty; else as a message that is not sent, whatever was written since, and after a
    reload."""
    desk.send(HELLO)
    desk.wait_until("done")
    run_in(stack, SUSPEND, conversation=conversation_of(desk), days=2)
    desk.field.fill("First.")
    desk.field.press("Enter")
    expect(desk.page.locator("#composer-notice")).to_be_visible()
    expect(desk.field).to_have_value("First.")
    expect(desk.question).to_have_text(HELLO)

    with thinking(stack):
        desk.field.press("Enter")
        desk.field.fill("Second.")
    expect(unsent(desk, "First.")).to_have_count(1)
    expect(desk.field).to_have_value("Second.")
    run_in(stack, SUSPEND, conversation=conversation_of(desk), days=-1)
    desk.page.reload()
    expect(desk.field).to_have_value("Second.")
    unsent(desk, "First.").get_by_role("button", name="Put it into the field").click()
    expect(desk.field).to_have_value("First.\nSecond.")
    expect(desk.page.locator(".turn")).to_have_count(1)


def test_what_the_queue_never_heard_of_is_not_sent_and_not_lost(desk: ChatPage, stack: Stack, watch: Watch) -> None:
    watch.expected += ["WebSocket connection", "Failed to load resource", "htmx:"]
    desk.send(LONG_TEXT)
    with thinking(stack):
        desk.field.fill(HELLO)
        desk.field.press("Enter")
        expect(desk.question).to_have_text(HELLO)
        desk.page.evaluate(AGE)
        stack.kill("web")
    expect(unsent(desk, HELLO)).to_have_count(1, timeout=60_000)
    unsent(desk, HELLO).get_by_role("button", name="Send again").click()
    expect(desk.page.locator("[data-reply][data-state=done]")).to_have_count(2, timeout=ANSWER_MS)
    expect(desk.question).to_have_text(HELLO)
    expect(desk.page.locator(".turn")).to_have_count(2)


def test_what_a_closed_tab_did_not_get_to_send_is_on_the_next_page(desk: ChatPage, stack: Stack, watch: Watch) -> None:
    """At once, and it goes out: the tab was closed a moment ago."""
    watch.expected += ["WebSocket connection", "Failed to load resource", "htmx:"]
    desk.send(HELLO)
    desk.wait_until("done")
    desk.open()
    stack.kill("web")
    desk.field.fill(GOODBYE)
    desk.field.press("Enter")
    expect(desk.question).to_have_text(GOODBYE)
    context = desk.page.context
    desk.page.close()
    stack.wait_until_ready()
    again = ChatPage(context.new_page(), desk.url)
    again.open()
    expect(again.question).to_have_text(GOODBYE)
    again.wait_until("done")
    expect(again.page).to_have_url(re.compile("/c/"))


def test_what_waits_is_held_by_a_stop(desk: ChatPage) -> None:
    """Then the person reads why, and sends it or takes it back into the field. Or they stop the answer for the sake of
    what waits, and it goes out at once."""
    desk.send(LONG_TEXT)
    for text in (HELLO, GOODBYE):
        desk.field.fill(text)
        desk.field.press("Enter")
    waiting = desk.page.locator(".queued")
    expect(waiting).to_have_count(2)
    why = desk.page.get_by_text("Not sent by itself, because the answer before it was stopped")
    expect(why).to_be_hidden()
    desk.page.keyboard.press("Escape")
    desk.wait_until("cancelled")
    expect(why).to_be_visible()
    waiting.last.get_by_role("button", name="Edit this message").click()
    expect(desk.field).to_have_value(GOODBYE)
    expect(waiting).to_have_count(1)
    waiting.get_by_role("button", name="Send now").click()
    expect(desk.question).to_have_text(HELLO)
    expect(waiting).to_have_count(0)
    expect(desk.field).to_have_value(GOODBYE)
    desk.wait_until("done")
    desk.send(LONG_TEXT)
    stopped = desk.page.locator(f"[data-reply='{desk.reply_id}']")
    desk.field.fill(GOODBYE)
    desk.field.press("Enter")
    waiting.get_by_role("button", name="Stop and send").press("Enter")
    expect(desk.question).to_have_text(GOODBYE)
    expect(stopped).to_have_attribute("data-state", "cancelled")
    expect(waiting).to_have_count(0)
    desk.wait_until("done")


PLACE = "(element) => element.getBoundingClientRect().top"


def test_a_long_chat_opens_at_its_end_and_grows_upwards(desk: ChatPage, stack: Stack) -> None:
    """The text under the reader's eyes does not move when earlier turns come; keys lead from question to question; and
    it says how full it is."""
    desk.send(HELLO)
    desk.wait_until("done")
    run_in(stack, GROW, conversation=conversation_of(desk), num_turns=80)
    desk.page.reload()
    expect(desk.question).to_have_text("Question 79.")
    expect(desk.page.locator(".turn")).to_have_count(30)
    said = "This chat fills 80% of what the assistant can keep in mind"
    gauge = desk.page.get_by_role("button", name=said, exact=True)
    gauge.press("Enter")
    window = desk.page.get_by_role("dialog", name="What the assistant keeps in mind")
    expect(window.get_by_role("meter", name=said)).to_have_attribute("value", "80")
    expect(window).to_contain_text("2404 of 3000")
    desk.page.keyboard.press("Escape")
    expect(window).to_be_hidden()
    expect(gauge).to_be_focused()
    desk.page.keyboard.press("Alt+ArrowUp")
    expect(desk.page.get_by_text("Question 79.", exact=True)).to_be_in_viewport()
    desk.page.keyboard.press("Alt+ArrowUp")
    expect(desk.page.get_by_text("Question 78.", exact=True)).to_be_in_viewport()
    desk.page.get_by_role("button", name="Next question").click()
    expect(desk.page.get_by_text("Question 79.", exact=True)).to_be_in_viewport()
    top = desk.page.get_by_text("Question 50.", exact=True)  # the first of the window is 50
    desk.page.evaluate("document.scrollingElement.scrollTo(0, 700)")
    place = top.evaluate(PLACE)
    expect(desk.page.locator(".turn")).to_have_count(60)
    assert abs(top.evaluate(PLACE) - place) < 2
    desk.page.evaluate("document.scrollingElement.scrollTo(0, 0)")
    expect(desk.page.locator(".turn")).to_have_count(81)
    expect(desk.page.get_by_role("button", name="Earlier messages")).to_have_count(0)
    desk.page.evaluate("addEventListener('keydown', (event) => (window.isTaken = event.defaultPrevented))")
    for shortcuts, is_taken in (("on", True), ("off", False)):
        desk.page.evaluate("state => (document.documentElement.dataset.shortcuts = state)", shortcuts)
        desk.page.keyboard.press("Alt+ArrowDown")
        assert desk.page.evaluate("window.isTaken") is is_taken


def test_a_link_leads_to_the_sentence(desk: ChatPage, stack: Stack) -> None:
    """The turn is in sight, its sentence is marked, whatever is bold or has an accent in it, and the chat goes on below
    it."""
    desk.send(HELLO)
    desk.wait_until("done")
    run_in(stack, GROW, conversation=conversation_of(desk), num_turns=60)
    desk.page.reload()
    reply = str(stack.sql("SELECT id FROM chat_reply WHERE text LIKE 'This is answer 12.%'")[-1])
    desk.page.goto(f"{desk.page.url}?at={reply}&q=Llamas")
    expect(desk.page.get_by_text("This is answer 12.")).to_be_in_viewport()
    desk.page.wait_for_function("() => CSS.highlights.has('found')")
    found = desk.page.evaluate("[...CSS.highlights.get('found')].map((range) => range.toString().trim())")
    assert found == ["It is about Andean llámas."]
    expect(desk.question).to_have_text("Question 59.")
    desk.send(HELLO)
    expect(desk.page).not_to_have_url(re.compile(r"\?"))  # else a reload would lead back to before it


LOOK_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"


def goodbye_is_heard(chat: ChatPage) -> None:
    """The server has said to the page that came next that the temporary chat is closed."""
    chat.page.wait_for_function("() => !sessionStorage.getItem('cria.left')")


def test_a_temporary_chat_leaves_nothing(chat: ChatPage, watch: Watch) -> None:
    """Not in the list, not in the address, and gone with the page."""
    toggle = chat.page.get_by_role("button", name="Temporary chat")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "true")
    expect(chat.page.get_by_text("It is not listed and not remembered.")).to_be_visible()
    send(chat, HELLO)
    chat.wait_until("done")
    conversation = chat.page.locator("#chat").get_attribute("data-conversation") or ""
    assert conversation
    assert chat.page.url == f"{chat.url}/"
    expect(chat.page.locator(".conversation")).to_have_count(0)
    with chat.page.expect_response(f"**/c/{conversation}/seen/") as said:
        chat.page.evaluate(LOOK_AGAIN)
    assert said.value.status == 204
    chat.open("/about/")
    goodbye_is_heard(chat)
    watch.expected.append("404")
    gone = chat.page.goto(f"{chat.url}/c/{conversation}/")
    assert gone is not None
    assert gone.status == 404


def test_a_goodbye_that_got_lost_is_said_again(desk: ChatPage, stack: Stack) -> None:
    """What a page says on its way out may never arrive; the next page of the tab makes up for it."""
    desk.page.add_init_script("navigator.sendBeacon = () => true")
    desk.open()
    desk.page.get_by_role("button", name="Temporary chat").click()
    desk.send(HELLO)
    desk.wait_until("done")
    conversation = (desk.page.locator("#chat").get_attribute("data-conversation") or "").replace("-", "")
    count = "SELECT COUNT(*) FROM chat_message WHERE conversation_id = ?"
    assert stack.sql(count, conversation) == [1]
    desk.open("/about/")
    goodbye_is_heard(desk)
    assert stack.sql(count, conversation) == [0]


def test_what_a_temporary_chat_did_not_get_to_send_is_not_kept(desk: ChatPage, watch: Watch) -> None:
    """Whoever uses this browser next must not find it, and it must not go out later. What the server has erased because
    the device slept, the page tells."""
    watch.expected += ["WebSocket connection", "Failed to load resource", "htmx:"]
    desk.page.get_by_role("button", name="Temporary chat").click()
    desk.send(HELLO)
    desk.wait_until("done")
    conversation = desk.page.locator("#chat").get_attribute("data-conversation")
    desk.page.evaluate(f"async () => (await import('/static/js/post.js')).post('/c/{conversation}/close/')")
    desk.page.evaluate(LOOK_AGAIN)
    expect(desk.page.locator("#composer-notice")).to_contain_text("This temporary chat has ended")
    desk.page.context.set_offline(True)
    expect(desk.page.get_by_text("You are offline. What you write stays here.")).to_be_visible()
    desk.field.fill("My secret.")
    desk.send_button.click()
    expect(desk.question).to_have_text("My secret.")
    kept = "Object.values(localStorage).join()"
    assert "My secret." in desk.page.evaluate(kept)
    with suppress(Error):
        desk.open("/about/")
    desk.page.context.set_offline(False)
    with suppress(Error):  # the page that says one is offline goes there by itself
        desk.open("/about/")
    expect(desk.page.get_by_role("heading", name="About Cria")).to_be_visible()
    assert "My secret." not in desk.page.evaluate(kept)


def test_a_page_that_is_offline_says_so(desk: ChatPage, watch: Watch) -> None:
    """And says it no more when it is not."""
    watch.expected += ["htmx:", "Failed to load resource"]
    desk.send(HELLO)
    desk.wait_until("done")
    desk.page.context.set_offline(True)
    bar = desk.page.get_by_text("You are offline. What you write stays here.")
    expect(bar).to_be_visible()
    desk.page.context.set_offline(False)
    expect(bar).to_be_hidden()


def test_what_was_written_long_ago_is_sent_with_consent_only(desk: ChatPage, stack: Stack, watch: Watch) -> None:
    """It may have been overtaken. What is a moment old goes out by itself (test_resume)."""
    watch.expected += ["WebSocket connection", "Failed to load resource", "htmx:"]
    desk.send(HELLO)
    desk.wait_until("done")
    write_while_away(desk, stack, GOODBYE)
    expect(unsent(desk, GOODBYE)).to_contain_text("Not sent", timeout=60_000)
    unsent(desk, GOODBYE).get_by_role("button", name="Send again").click()
    expect(unsent(desk, GOODBYE)).to_have_count(0)
    desk.wait_until("done")

    write_while_away(desk, stack, "Never mind.")
    expect(unsent(desk, "Never mind.")).to_contain_text("Not sent", timeout=60_000)
    unsent(desk, "Never mind.").get_by_role("button", name="Discard").click()
    expect(desk.question).to_have_text(GOODBYE)
    stack.wait_until_ready()
    desk.page.reload()
    expect(desk.page.locator(".turn")).to_have_count(2)


def test_somebody_suspended_is_told_why_and_until_when(chat: ChatPage, stack: Stack) -> None:
    """In place of the composer, with the way to ask for a review; everything can still be read."""
    send(chat, HELLO)
    chat.wait_until("done")
    run_in(stack, SUSPEND, conversation=conversation_of(chat), days=2)
    chat.page.reload()
    told = chat.page.get_by_role("region", name="You cannot send messages right now")
    (until,) = stack.sql("SELECT MAX(suspended_until) FROM accounts_user WHERE suspension_reason = 'Insults'")
    day = dateformat.format(datetime.fromisoformat(str(until)).replace(tzinfo=UTC).astimezone(), "N j, Y")
    expect(told).to_contain_text(f"Until {day}, ")
    expect(told).to_contain_text("Reason: Insults")
    expect(told.get_by_role("link", name="Ask for a review")).to_be_visible()
    expect(chat.field).to_be_hidden()
    assert chat.answer
    chat.open()
    expect(told).to_be_visible()
    expect(chat.page.locator(".starter")).to_have_count(0)


def write_while_away(chat: ChatPage, stack: Stack, text: str) -> None:
    """The server is gone; when it comes back, two minutes seem to have passed."""
    stack.wait_until_ready()
    stack.kill("web")
    chat.field.fill(text)
    chat.field.press("Enter")
    expect(chat.question).to_have_text(text)
    chat.page.evaluate(AGE)
