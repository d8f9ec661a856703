"""Fixtures of the browser tests: real Chromium before the real stack, and a watch over every page."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.chat_page import ChatPage, Watch
from tests.browser.chromium import launch
from tests.stack import ROOT, Stack

ADMIN = ("inspector@example.org", "a-password-only-for-tests")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each module: its event loop must be gone before the next module may have one of its own."""
    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()


@pytest.fixture
def watch(stack: Stack) -> Iterator[Watch]:
    """Every browser test fails if a page breaks its policy, logs an error or talks to another host."""
    watch = Watch(host=urlsplit(stack.url).netloc)
    yield watch
    assert watch.problems == []


@pytest.fixture
def new_context(browser: Browser, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browsers of new people, with settings of the screen if wanted."""
    contexts: list[BrowserContext] = []

    def make(**settings: object) -> BrowserContext:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **settings})  # type: ignore[arg-type]
        watch.over(context)
        contexts.append(context)
        return context

    yield make
    for page in (page for context in contexts for page in context.pages):
        page.evaluate("() => 0")  # what it has said until now is heard
    watch.is_over = True
    for context in contexts:
        context.close()


@pytest.fixture
def chat(new_context: Callable[..., BrowserContext], stack: Stack) -> ChatPage:
    """The empty page of somebody who has never been here."""
    chat = ChatPage(new_context().new_page(), stack.url)
    chat.open()
    return chat


@pytest.fixture(scope="session")
def admin(stack: Stack) -> tuple[str, str]:
    """Name and password of a superuser of the stack."""
    subprocess.run(
        [sys.executable, "manage.py", "createsuperuser", "--noinput"],
        cwd=ROOT,
        env={
            **os.environ,
            **stack.environment,
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "DJANGO_SUPERUSER_USERNAME": "inspector",
            "DJANGO_SUPERUSER_EMAIL": ADMIN[0],
            "DJANGO_SUPERUSER_PASSWORD": ADMIN[1],
        },
        check=True,
        capture_output=True,
    )
    return ("inspector", ADMIN[1])
