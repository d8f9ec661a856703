"""The people who write prompts and try them, and their browsers."""

from django.contrib.auth.models import Group
from django.test import Client

from webapp.accounts.models import User
from webapp.experiments.models import PromptVersion
from webapp.experiments.services import approvals, prompts


def member_of(role: str, name: str = "") -> User:
    """Somebody of the staff; of the role "member", somebody who only chats."""
    user = User.objects.create_user(name or f"the-{role}", is_staff=role != "member")
    if role != "member":
        user.groups.add(Group.objects.get(name=role))
    return user


def browser_for(user: User) -> Client:
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def approved(text: str, *, author: User, by: User) -> PromptVersion:
    version = prompts.create(text, note="A try", author=author)
    approvals.approve(version, by=by)
    return version
