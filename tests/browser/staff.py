"""Somebody of the staff at the pages of the administration."""

import os
import subprocess
import sys

from playwright.sync_api import BrowserContext, Page

from tests.stack import ROOT, Stack

PASSWORD = "a-password-only-for-tests"
MAKES = """
from django.contrib.auth.models import Group
from webapp.accounts.models import User
user = User.objects.create_user({name!r}, {name!r} + "@example.org", {password!r}, is_staff=True, first_name={name!r})
user.groups.add(Group.objects.get(name={role!r}))
"""


def manage(stack: Stack, *arguments: str) -> None:
    """`manage.py` beside the running assistant."""
    settings = {"DJANGO_SETTINGS_MODULE": "webapp.settings"}
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **stack.environment, **settings}, check=True)


def make_staff(stack: Stack, role: str, *names: str) -> None:
    manage(stack, "shell", "-c", "".join(MAKES.format(name=name, role=role, password=PASSWORD) for name in names))


def at_work(context: BrowserContext, stack: Stack, name: str, path: str) -> Page:
    """Signed in, and on this page."""
    page = context.new_page()
    page.goto(f"{stack.url}/admin/login/?next={path}")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[type=submit]").click()
    page.wait_for_url(lambda address: "/login/" not in address)
    page.wait_for_load_state()
    return page
