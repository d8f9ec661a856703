"""A person in front of the chat page, in the words of the tests."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, expect

ANSWER_MS = 120_000
LONG_TEXT = "Write a detailed essay of two thousand words about the history of bread."
REPORT_VIOLATIONS = """
    document.addEventListener("securitypolicyviolation", (event) =>
      console.error("content security policy:", event.violatedDirective, event.blockedURI, event.sourceFile));
"""

BROKEN_OFF = ("htmx:sendAbort", "htmx:afterRequest")
"""What htmx logs of a request that a newer one replaced, as who types on wants it. An answer that is an error, or none
at all, has names of its own."""


@dataclass
class Watch:
    """Notes everything a page must never do: errors, violations of its policy, requests to another host.

    `expected` are parts of console messages that a test provokes on purpose, `elsewhere` a host that it leads to. After
    `is_over` nothing is noted: a page that is closed breaks off what it was asking for.
    """

    host: str
    elsewhere: str = ""
    problems: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    is_over: bool = False

    def over(self, context: BrowserContext) -> None:
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.problems.append(f"uncaught: {error.error}"))
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        is_expected = any(part in message.text for part in (*BROKEN_OFF, *self.expected))
        if message.type in {"error", "warning"} and not is_expected and not self.is_over:
            self.problems.append(f"{message.page.url if message.page else ''}: {message.text}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and address.netloc not in {self.host, self.elsewhere}:
            self.problems.append(f"request to {request.url}")


class ChatPage:
    """The chat page of one tab."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.field = page.get_by_label("Message", exact=True)
        self.send_button = page.locator("#send")
        self.question = page.locator(".turn:last-child [data-part=question]")
        self.last = page.locator(".turn:last-child .reply")
        self.body = self.last.locator("[data-part=body]")
        self.sidebar = page.get_by_role("navigation", name="Your chats")

    def open(self, path: str = "/") -> None:
        self.page.goto(self.url + path)

    def arrive(self) -> None:
        """Until the scripts of the page that a click led to have run, and it hears clicks and keys itself."""
        self.page.wait_for_load_state()

    def send(self, text: str) -> None:
        """Write and send. Returns when the server has stored it and the answer has its place."""
        self.field.fill(text)
        self.field.press("Enter")
        expect(self.question).to_have_text(text)
        expect(self.last).to_have_attribute("data-reply", re.compile(".{36}"), timeout=ANSWER_MS)

    def wait_for_words(self, count: int) -> None:
        """Until the newest answer has at least `count` words."""
        self.page.wait_for_function(
            """count => document.querySelector('.turn:last-child [data-part=body]')
                .innerText.split(/\\s+/).length > count""",
            arg=count,
            timeout=ANSWER_MS,
        )

    def wait_until(self, state: str) -> None:
        expect(self.last).to_have_attribute("data-state", state, timeout=ANSWER_MS)

    @property
    def answer(self) -> str:
        """What a reader sees of the newest answer, white space made even."""
        return " ".join(self.body.inner_text().split())

    @property
    def reply_id(self) -> str:
        return self.last.get_attribute("data-reply") or ""

    def conversation(self, title: str) -> Locator:
        return self.sidebar.locator(".conversation", has_text=title)
