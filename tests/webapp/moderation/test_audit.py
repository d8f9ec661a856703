"""The record of the staff's acts: complete, unchangeable, and able to tell if somebody changed it all the same."""

import logging
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client, override_settings

from tests.webapp.moderation.conftest import BrowserOf
from webapp.accounts.models import User
from webapp.chat.models import Conversation
from webapp.moderation.models import AuditEntry
from webapp.moderation.models.audit import Unchangeable
from webapp.moderation.services import audit, chain, reveals
from webapp.settings.environment import Environment

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


def forge(entries: list[AuditEntry], version: int) -> None:
    """Compute every digest anew, as far as somebody can who has the database and the code, and not the secret."""
    previous = entries[0].previous_digest
    for entry in entries:
        entry.refresh_from_db()
        entry.previous_digest, entry.digest_version = previous, version
        with override_settings(SECRET_KEY="somebody else's guess at it " * 2):
            entry.digest = previous = chain.digest_of(entry)
        tamper(
            "UPDATE moderation_auditentry SET previous_digest = %s, digest = %s, digest_version = %s WHERE id = %s",
            *(entry.previous_digest, entry.digest, version, entry.pk),
        )


def verified(head: object = "") -> str:
    """What the command says, or the error it ends with."""
    out = StringIO()
    try:
        call_command("verify_audit_chain", head=str(head), stdout=out)
    except CommandError as error:
        return f"error: {error}"
    return out.getvalue()


def test_who_lacks_the_secret_cannot_build_another_chain(entries: list[AuditEntry]) -> None:
    """Plain digests could be computed anew by whoever holds the database."""
    tamper("UPDATE moderation_auditentry SET reason = 'another' WHERE id = %s", entries[2].pk)
    forge(entries[2:], chain.KEYED)
    assert audit.first_broken() == entries[2]


def test_keyed_entries_are_not_followed_by_plain_ones(entries: list[AuditEntry]) -> None:
    """Otherwise forging would take no more than calling the entries old."""
    forge(entries, chain.HASHED)
    assert audit.first_broken() is None, "nothing tells it from an old record but an anchor"
    entry = audit.record(None, "note", subject_type="case", subject_ref=6)
    assert audit.first_broken() is None
    tamper("UPDATE moderation_auditentry SET digest_version = 1 WHERE id = %s", entry.pk)
    assert audit.first_broken() == entry


def test_entries_of_earlier_versions_still_hold(entries: list[AuditEntry], settings: Any) -> None:
    """Those with a plain digest, and those under a secret that was replaced and is still named."""
    forge(entries, chain.HASHED)
    audit.record(None, "note", subject_type="case", subject_ref=6)
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the next secret of this site " * 2, [old]
    audit.record(None, "note", subject_type="case", subject_ref=7)
    assert audit.first_broken() is None
    settings.SECRET_KEY_FALLBACKS = []
    assert audit.first_broken() is not None


def test_the_environment_names_earlier_secrets() -> None:
    """So that replacing one breaks neither the record nor what was sealed."""
    named = Environment(SECRET_KEY="x" * 50, SECRET_KEY_FALLBACKS=f"{'y' * 50}, {'z' * 50},")
    assert named.earlier_secret_keys == ["y" * 50, "z" * 50]
    assert Environment(SECRET_KEY="x" * 50).earlier_secret_keys == []


def test_an_anchor_shows_that_the_newest_entries_were_cut_off(entries: list[AuditEntry]) -> None:
    """What is left is a good chain; only somebody who noted the head elsewhere can tell."""
    anchor = chain.head()
    assert verified(anchor) == f"The chain holds. Anchor: {anchor}\n"
    tamper("DELETE FROM moderation_auditentry WHERE id >= %s", entries[3].pk)
    assert verified().startswith("The chain holds.")
    assert verified(anchor) == "error: The newest entries are missing: 3 are left of the 5 that the anchor knows."


def test_an_anchor_shows_that_all_was_computed_anew(entries: list[AuditEntry]) -> None:
    """Even where the chain holds in itself, and has grown since."""
    anchor = chain.head()
    tamper("UPDATE moderation_auditentry SET reason = 'another' WHERE id = %s", entries[1].pk)
    forge(entries, chain.HASHED)
    audit.record(None, "note", subject_type="case", subject_ref=6)
    assert verified().startswith("The chain holds.")
    assert f"Entry 5 (id {entries[4].pk}) is not what the anchor knows" in verified(anchor)


def test_the_command_points_at_the_first_entry_that_is_wrong(entries: list[AuditEntry]) -> None:
    """By its place and its id; an older anchor is good for ever."""
    anchor = chain.head()
    audit.record(None, "note", subject_type="case", subject_ref=6)
    assert verified(anchor).startswith("The chain holds.")
    tamper("UPDATE moderation_auditentry SET reason = 'another' WHERE id = %s", entries[2].pk)
    assert verified(anchor) == f"error: Entry 3 (id {entries[2].pk}) was changed, or one before it is missing."


@pytest.mark.parametrize("text", ["5", "5:", "x:" + "0" * 64, "5:" + "g" * 64, "5:" + "0" * 63])
def test_what_is_no_anchor_is_refused(entries: list[AuditEntry], text: str) -> None:
    """A slip of the pen must not look like a broken record."""
    assert "An anchor is a number" in verified(text)


def test_the_log_carries_the_head_every_day(entries: list[AuditEntry], caplog: pytest.LogCaptureFixture) -> None:
    """Logs leave the machine; the head that is in them cannot be taken back."""
    head = chain.head()
    with caplog.at_level(logging.INFO):
        audit.verify(None)
    (line,) = [line for line in caplog.records if line.message == "audit_chain_head"]
    assert (line.num, line.head) == (5, str(head))  # type: ignore[attr-defined]  # the fields of a log line


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
    assert [line.message for line in caplog.records if line.levelno == logging.ERROR] == ["audit_chain_broken"]


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
