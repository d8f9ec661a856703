"""Everything that pages can show, written down beside the running assistant, and browsers of those who may see it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import reverse

from tests.browser.staff import manage
from tests.stack import Stack
from tests.webapp.experiments.results_making import situation
from tests.webapp.experiments.test_reports import made_report
from tests.webapp.moderation.making import make_verdict
from tests.webapp.sharing import making
from tests.webapp.url_table import browser_of, one_of_each
from webapp.accounts.models import User
from webapp.chat.models import Conversation, Reply

PASSWORD = "a-password-only-for-tests"
RICH = """## A heading

| animal | kilograms |
|---|---|
| llama | 150 |

1. One, see https://example.org
2. *Two* and `three`

```python
def weight(llamas: int) -> int:
    return 150 * llamas  # each
```

> It follows that $w = 150 n$.
"""
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def make_everything(stack: Stack) -> Mapping[str, Any]:
    """`things` that addresses name, `cookies` of browsers, `addresses` of pages that need more, `report` as HTML."""
    file = stack.var / "every_page.json"
    manage(stack, "shell", "-v0", "-c", f"from tests.browser import every_page; every_page.write({str(file)!r})")
    made: Mapping[str, Any] = json.loads(file.read_text())
    return made


def write(path: str) -> None:
    """In a process of the assistant's."""
    member, plain, halfway, elsewhere = map(_person, ("axe-member", "axe-plain", "axe-halfway", "axe-elsewhere"))
    User.objects.filter(pk=elsewhere.pk).update(password="!")  # none
    cookies = {person.username: _cookie(_proved(person)) for person in (member, plain)}
    things = one_of_each(member)
    kinds = _turns_of_every_kind(member)
    for person in (member, halfway):
        TOTP.activate(person, SECRET)
        RecoveryCodes.activate(person)
    SocialAccount.objects.create(user=member, provider="example", uid="axe", extra_data={"email": "axe@example.org"})
    address = EmailAddress.objects.create(user=plain, email=plain.email, primary=True)
    versions = Reply.objects.filter(conversation_id=str(things["conversation_id"]), message__parent=None)
    left, right = versions.values_list("pk", flat=True)
    letter = [user_pk_to_url_str(plain), default_token_generator.make_token(plain)]
    made = {
        "things": {name: str(thing) for name, thing in things.items()},
        "cookies": {
            **cookies,
            "axe-elsewhere": _cookie(browser_of(User.objects.get(pk=elsewhere.pk))),
            "halfway": _cookie(_after_the_password(halfway)),
            "newcomer": _pending_sign_up(),
        },
        "addresses": {
            "account_confirm_email": reverse("account_confirm_email", args=[EmailConfirmationHMAC(address).key]),
            "account_reset_password_from_key": reverse("account_reset_password_from_key", args=letter),
            "experiment_report": reverse("experiment_report", args=["a-report"]),
            "compare": f"{reverse('compare', args=[things['conversation_id']])}?left={left}&right={right}",
            "search": f"{reverse('search')}?q=llama",
            "chat": reverse("chat", args=[kinds.pk]),
        },
        "report": _report(),
    }
    Path(path).write_text(json.dumps(made))


def _turns_of_every_kind(person: User) -> Conversation:
    """An answer with sources, one with a table, code and a formula, and those that did not end well."""
    chat = making.conversation(person, "Every kind of turn")
    last = making.turn(chat, "What do my documents say?", "Llamas are camelids [1].", minute=1)
    source = {"number": 1, "title": "On llamas", "url": "/library/", "excerpt": "A llama is a camelid."}
    Reply.objects.filter(pk=last.pk).update(citations=[source])
    for minute, state in enumerate(("done", "cancelled", "failed", "blocked"), start=2):
        last = making.turn(chat, f"A turn that is {state}?", RICH, after=last, state=state, minute=minute)
    make_verdict(last)
    chat.selected = last
    chat.save()
    return chat


def _person(name: str) -> User:
    return User.objects.create_user(name, f"{name}@example.org", PASSWORD)


def _proved(person: User) -> Client:
    """The browser of somebody who has just shown once more who they are."""
    browser = _after_the_password(person)
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return browser


def _after_the_password(person: User) -> Client:
    browser = Client(headers={"host": "127.0.0.1"})
    browser.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    return browser


def _pending_sign_up() -> str:
    """Of somebody whose provider told no address."""
    request = RequestFactory().get("/")
    login = get_adapter().get_provider(request, "example").sociallogin_from_response(request, {"sub": "x"})
    session = SessionStore()
    session["socialaccount_sociallogin"] = login.serialize()
    session.create()
    return str(session.session_key)


def _cookie(browser: Client) -> str:
    return str(browser.session.session_key)


def _report() -> str:
    """Of an experiment that is gone again at once: it would run beside the others."""
    with transaction.atomic():
        _made, token = made_report(situation("ship"))
        page = Client(headers={"host": "127.0.0.1"}).get(reverse("experiment_report", args=[token]))
        transaction.set_rollback(True)
    return str(page.content.decode())
