"""The record of the staff's acts: complete, unchangeable, and able to tell if somebody changed it all the same."""

import logging

import pytest
from django.db import connection, transaction
from django.test import Client

from tests.webapp.moderation.conftest import BrowserOf
from webapp.accounts.models import User
from webapp.chat.models import Conversation
from webapp.moderation.models import AuditEntry
from webapp.moderation.models.audit import Unchangeable
from webapp.moderation.services import audit, reveals

pytestmark = pytest.mark.django_db

LIST = "/admin/moderation/auditentry/"


@pytest.fixture
def entries(owner: User) -> list[AuditEntry]:
    return [audit.record(owner, "note", subject_type="case", subject_ref=number) for number in range(5)]


def tamper(sql: str, *values: str | int) -> None:
    """As somebody with the database's password would."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_entries_cannot_be_changed_or_deleted(entries: list[AuditEntry]) -> None:
    """By no way that code of ours could take."""
    entry = entries[2]
    entry.reason = "another"
    for change in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(reason="another"),
        lambda: AuditEntry.objects.bulk_update([entry], ["reason"]),
    ):
        with pytest.raises(Unchangeable), transaction.atomic():
            change()
    assert AuditEntry.objects.count() == 5
    assert audit.first_broken() is None


def test_a_changed_entry_breaks_the_chain(entries: list[AuditEntry]) -> None:
    """From itself on."""
    tamper("UPDATE moderation_auditentry SET reason = 'another' WHERE id = %s", entries[2].pk)
    assert audit.first_broken() == entries[2]


def test_a_missing_entry_breaks_the_chain(entries: list[AuditEntry]) -> None:
    """The one after it names a digest that nobody has."""
    tamper("DELETE FROM moderation_auditentry WHERE id = %s", entries[2].pk)
    assert audit.first_broken() == entries[3]


def test_an_entry_stays_when_its_actor_is_gone(entries: list[AuditEntry], owner: User) -> None:
    """It loses the link, not the name it was signed with, and the chain holds."""
    reference = str(owner.pk)
    owner.delete()
    assert set(AuditEntry.objects.values_list("actor", "actor_ref")) == {(None, reference)}
    assert audit.first_broken() is None


def test_reading_a_conversation_is_on_the_record(owner: User, conversation: Conversation) -> None:
    """With its reason; beside the list of readings, which is not chained."""
    reveals.reveal(conversation, staff=owner, reason="Report 17: threats")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject_ref, entry.reason) == ("reveal", str(conversation.pk), "Report 17: threats")


def test_a_check_is_on_the_record(entries: list[AuditEntry], caplog: pytest.LogCaptureFixture) -> None:
    """Whoever looks tomorrow knows up to when it held. A broken chain calls somebody."""
    assert audit.last_verified() is None
    assert audit.verify(None).details == {"holds": True, "num": 5, "broken": None}
    tamper("UPDATE moderation_auditentry SET action = 'other' WHERE id = %s", entries[0].pk)
    with caplog.at_level(logging.ERROR):
        audit.verify(None)
    last = audit.last_verified()
    assert last is not None
    assert last.details == {"holds": False, "num": 6, "broken": entries[0].pk}
    assert [line.message for line in caplog.records] == ["audit_chain_broken"]


def test_administrators_verify_the_chain(entries: list[AuditEntry], browser_of: BrowserOf) -> None:
    """By a button, whose use is on record, and see the last finding on their first page."""
    browser = browser_of("administrator")
    assert "not been verified yet" in browser.get("/admin/").content.decode()
    assert "The chain holds: 5 entries." in browser.post(f"{LIST}verify/", follow=True).content.decode()
    assert "holds: 5 entries" in browser.get("/admin/").content.decode()
    last = audit.last_verified()
    assert last is not None
    assert last.actor == User.objects.get(username="the-administrator")


def test_a_broken_chain_is_said_on_the_first_page(entries: list[AuditEntry], browser_of: BrowserOf) -> None:
    """Not only to those who ask."""
    tamper("DELETE FROM moderation_auditentry WHERE id = %s", entries[1].pk)
    audit.verify(None)
    browser = browser_of("administrator")
    for page in ("/admin/", LIST):
        assert f"broken at entry {entries[2].pk}" in browser.get(page).content.decode()


@pytest.mark.parametrize("role", ["nobody", "member", "experimenter", "moderator"])
def test_nobody_else_verifies_or_hears_of_it(entries: list[AuditEntry], browser_of: BrowserOf, role: str) -> None:
    """The watched do not watch."""
    browser: Client = browser_of(role)
    assert browser.post(f"{LIST}verify/").status_code in (302, 403)
    assert audit.last_verified() is None
    assert "chain of the record" not in browser.get("/admin/").content.decode()


def test_even_a_superuser_edits_nothing(entries: list[AuditEntry], browser_of: BrowserOf) -> None:
    """Neither one by one nor by choosing from the list."""
    browser = browser_of("superuser")
    entry = entries[0]
    assert browser.post(f"{LIST}{entry.pk}/change/", {"reason": "another"}).status_code == 403
    assert browser.post(f"{LIST}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
    browser.post(LIST, chosen)
    assert AuditEntry.objects.count() == 5
    assert audit.first_broken() is None
