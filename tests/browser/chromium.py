"""How the Chromium that the tests drive is started."""

import os

from playwright.sync_api import Browser, Playwright

from deploy.local.chromium import find_chromium

# Nothing may leave this machine: without these a fresh profile looks for updates, lists and accounts.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-gpu",
)


def launch(playwright: Playwright, *, is_whole: bool = False) -> Browser:
    """A browser without a window; a whole one that only shows none, if wanted. Where this machine has none, Playwright
    says how to get one.

    As root its sandbox has to be off.
    """
    found = find_chromium(is_whole=is_whole)
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    return playwright.chromium.launch(executable_path=found, args=[*QUIET, *sandbox])
