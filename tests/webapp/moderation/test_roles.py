"""Who may open which page of the administration."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from tests.webapp.moderation.conftest import BrowserOf
from webapp.accounts.models import User
from webapp.accounts.roles import ROLES
from webapp.chat.models import Conversation
from webapp.moderation.models import AuditEntry
from webapp.moderation.services import appeals, cases, suspensions

pytestmark = pytest.mark.django_db

PEOPLE = ("nobody", "member", "experimenter", "moderator", "administrator", "superuser")
LOGIN, CLOSED, OPEN = 302, 403, 200

PAGES = {
    # page                                       nobody  member experimenter moderator administrator superuser
    "/admin/":                                  (LOGIN,  LOGIN, OPEN,        OPEN,     OPEN,         OPEN),
    "/admin/chat/conversation/":                (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/chat/conversation/{chat}/change/":  (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/chat/conversation/{chat}/reveal/":  (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/chat/conversation/{chat}/delete/":  (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       CLOSED),
    "/admin/chat/conversation/add/":            (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       CLOSED),
    "/admin/chat/reply/":                       (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/chat/reply/{reply}/change/":        (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/chat/reply/{reply}/delete/":        (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       CLOSED),
    "/admin/moderation/case/":                  (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/moderation/case/{case}/change/":    (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/moderation/case/{case}/delete/":    (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       CLOSED),
    "/admin/moderation/case/add/":              (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       CLOSED),
    "/admin/moderation/case/second/":           (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/moderation/case/quality/":          (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/moderation/verdict/":               (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/moderation/verdict/{verdict}/change/": (LOGIN, LOGIN, CLOSED,    OPEN,     OPEN,         OPEN),
    "/admin/moderation/verdict/{verdict}/delete/": (LOGIN, LOGIN, CLOSED,    CLOSED,   CLOSED,       CLOSED),
    "/admin/moderation/reveal/":                (LOGIN,  LOGIN, CLOSED,      CLOSED,   OPEN,         OPEN),
    "/admin/moderation/reveal/add/":            (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       CLOSED),
    "/admin/moderation/appeal/":                (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/moderation/appeal/{appeal}/change/": (LOGIN, LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/moderation/appeal/{appeal}/delete/": (LOGIN, LOGIN, CLOSED,      CLOSED,   CLOSED,       CLOSED),
    "/admin/moderation/suspension/":            (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/moderation/suspension/add/":        (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       CLOSED),
    "/admin/moderation/suspension/{suspension}/change/": (LOGIN, LOGIN, CLOSED, OPEN,  OPEN,         OPEN),
    "/admin/moderation/suspension/{suspension}/delete/": (LOGIN, LOGIN, CLOSED, CLOSED, CLOSED,      CLOSED),
    "/admin/moderation/auditentry/":            (LOGIN,  LOGIN, CLOSED,      CLOSED,   OPEN,         OPEN),
    "/admin/moderation/auditentry/add/":        (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       CLOSED),
    "/admin/moderation/auditentry/{entry}/change/": (LOGIN, LOGIN, CLOSED,   CLOSED,   OPEN,         OPEN),
    "/admin/moderation/auditentry/{entry}/delete/": (LOGIN, LOGIN, CLOSED,   CLOSED,   CLOSED,       CLOSED),
    "/admin/moderation/policyversion/":         (LOGIN,  LOGIN, CLOSED,      CLOSED,   OPEN,         OPEN),
    "/admin/moderation/policyversion/add/":     (LOGIN,  LOGIN, CLOSED,      CLOSED,   OPEN,         OPEN),
    "/admin/experiments/experiment/":           (LOGIN,  LOGIN, OPEN,        CLOSED,   OPEN,         OPEN),
    "/admin/experiments/promptversion/":        (LOGIN,  LOGIN, OPEN,        CLOSED,   OPEN,         OPEN),
    "/admin/experiments/settingsversion/":      (LOGIN,  LOGIN, OPEN,        CLOSED,   OPEN,         OPEN),
    "/admin/experiments/settingsversion/add/":  (LOGIN,  LOGIN, OPEN,        CLOSED,   CLOSED,       OPEN),
    "/admin/experiments/playgroundsession/":    (LOGIN,  LOGIN, OPEN,        CLOSED,   CLOSED,       OPEN),
    "/admin/experiments/testturn/":             (LOGIN,  LOGIN, OPEN,        CLOSED,   CLOSED,       OPEN),
    "/admin/experiments/starterset/":           (LOGIN,  LOGIN, OPEN,        CLOSED,   OPEN,         OPEN),
    "/admin/experiments/metric/":               (LOGIN,  LOGIN, OPEN,        CLOSED,   OPEN,         OPEN),
    "/admin/experiments/layer/":                (LOGIN,  LOGIN, OPEN,        CLOSED,   OPEN,         OPEN),
    "/admin/experiments/segment/":              (LOGIN,  LOGIN, CLOSED,      CLOSED,   OPEN,         OPEN),
    "/admin/experiments/holdout/":              (LOGIN,  LOGIN, OPEN,        CLOSED,   OPEN,         OPEN),
    "/admin/library/document/":                 (LOGIN,  LOGIN, CLOSED,      CLOSED,   OPEN,         OPEN),
    "/admin/library/document/add/":             (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       CLOSED),
    "/admin/library/document/{document}/change/": (LOGIN, LOGIN, CLOSED,     CLOSED,   OPEN,         OPEN),
    "/admin/library/document/{document}/delete/": (LOGIN, LOGIN, CLOSED,     CLOSED,   OPEN,         OPEN),
    "/admin/library/passage/":                  (LOGIN,  LOGIN, CLOSED,      CLOSED,   OPEN,         OPEN),
    "/admin/accounts/user/":                    (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/accounts/user/add/":                (LOGIN,  LOGIN, CLOSED,      CLOSED,   OPEN,         OPEN),
    "/admin/accounts/user/{owner}/change/":     (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/accounts/user/{owner}/password/":   (LOGIN,  LOGIN, CLOSED,      CLOSED,   OPEN,         OPEN),
    "/admin/accounts/user/{owner}/suspend/":    (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/accounts/user/{owner}/lift/":       (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/accounts/user/{staff}/suspend/":    (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       CLOSED),
    "/admin/accounts/user/{owner}/delete/":     (LOGIN,  LOGIN, CLOSED,      CLOSED,   OPEN,         OPEN),
    "/admin/accounts/user/{staff}/change/":     (LOGIN,  LOGIN, CLOSED,      OPEN,     OPEN,         OPEN),
    "/admin/accounts/user/{staff}/password/":   (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       OPEN),
    "/admin/accounts/user/{staff}/delete/":     (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       CLOSED),
    "/admin/auth/group/":                       (LOGIN,  LOGIN, CLOSED,      CLOSED,   CLOSED,       OPEN),
}  # fmt: skip


@pytest.mark.parametrize("role", PEOPLE)
def test_each_page_is_open_to_those_it_is_for(role: str, browser_of: BrowserOf, conversation: Conversation) -> None:
    """One table for the whole administration, so that a new page without a row stands out."""
    browser = browser_of(role)
    reply = conversation.replies.first()
    assert reply is not None
    owner = conversation.owner
    suspension = suspensions.suspend(owner, by=None, reason="Spam", until=timezone.now() + timedelta(days=1))
    named = {
        "appeal": appeals.appeal(owner, suspension_id=suspension.pk).pk,
        "entry": AuditEntry.objects.latest("pk").pk,
        "suspension": suspension.pk,
        "case": cases.flag(reply.pk, "report").pk,
        "chat": conversation.pk,
        "document": conversation.owner.documents.get().pk,
        "owner": conversation.owner_id,
        "reply": reply.pk,
        "staff": User.objects.create_user("colleague", is_staff=True).pk,
        "verdict": reply.verdicts.get().pk,
    }
    expected = {page: statuses[PEOPLE.index(role)] for page, statuses in PAGES.items()}
    assert {page: browser.get(page.format(**named)).status_code for page in PAGES} == expected


def test_every_permission_of_a_role_exists() -> None:
    """A misspelt permission would be a right that nobody has, and nobody would notice."""
    for role, names in ROLES.items():
        permissions = Group.objects.get(name=role).permissions.select_related("content_type")
        assert {f"{p.content_type.app_label}.{p.codename}" for p in permissions} == names


def test_experimenters_see_nothing_private() -> None:
    """They compare prompts over many people; no single person's row is any of their business."""
    names_people = {name for name in ROLES["administrator"] if "segment" in name}
    assert {name.partition(".")[0] for name in ROLES["experimenter"]} == {"experiments"}
    assert not ROLES["experimenter"] & (ROLES["moderator"] | names_people)


@pytest.mark.parametrize(
    ("role", "links"),
    [
        (
            "experimenter",
            {
                *("experiments/experiment", "experiments/promptversion", "experiments/playgroundsession"),
                *("experiments/testturn", "experiments/starterset", "experiments/metric"),
                *("experiments/layer", "experiments/holdout", "experiments/settingsversion"),
            },
        ),
        (
            "moderator",
            {
                *("chat/conversation", "chat/reply", "moderation/case", "moderation/verdict", "accounts/user"),
                *("moderation/appeal", "moderation/suspension"),
            },
        ),
        (
            "administrator",
            {
                *("chat/conversation", "chat/reply", "moderation/case", "moderation/verdict", "moderation/reveal"),
                *("moderation/appeal", "moderation/suspension", "moderation/auditentry", "moderation/policyversion"),
                *("library/document", "library/passage", "accounts/user"),
                *("experiments/experiment", "experiments/promptversion", "experiments/starterset"),
                *("experiments/metric", "experiments/layer", "experiments/segment", "experiments/holdout"),
                "experiments/settingsversion",
            },
        ),
    ],
)
def test_the_sidebar_names_only_pages_that_open(role: str, links: set[str], browser_of: BrowserOf) -> None:
    """A link to a closed door is noise."""
    page = browser_of(role).get("/admin/").content.decode()
    every = {address.removeprefix("/admin/").rstrip("/") for address in PAGES if address.count("/") == 4}
    assert {link for link in every if f'href="/admin/{link}/"' in page} == links
