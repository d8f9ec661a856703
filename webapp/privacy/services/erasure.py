"""Erasing what belongs to a person: by the rules, at once, with a receipt.

A turn that is being written ends by itself: its row is gone, so the next write of its worker touches nothing. Tasks
that still wait find nothing to do. Indexes in memory hold numbers and no text, and are dropped when unused. The words
in the files of the index for searching chats go by a task, moments later.
"""

import logging
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from webapp import jobs
from webapp.accounts.models import User
from webapp.accounts.services.guests import SESSION_KEY
from webapp.chat import temporary_keys
from webapp.chat.models import Conversation, Reply
from webapp.chat.services.erasing import forget_logs
from webapp.moderation.services import audit
from webapp.privacy import inventory
from webapp.privacy.errors import NotThisAccount
from webapp.privacy.models import DataExport, ErasureReceipt
from webapp.privacy.rules import RULES, relations, rows_of
from webapp.privacy.services.exports import delete_files

logger = logging.getLogger(__name__)

FORGOTTEN = "deleted person"


@transaction.atomic
def wipe(person: User) -> ErasureReceipt:
    """Erase what the person made; the account, and what the staff decided about it, stays."""
    person = User.objects.select_for_update().get(pk=person.pk)
    before = _counts(person)
    _forget_files_and_logs(person)
    for name, model, field in relations():
        if RULES[name].is_wiped:
            rows_of(model, field, person).delete()
    after = _counts(person)
    erased = {code: num - after.get(code, 0) for code, num in before.items() if num > after.get(code, 0)}
    return ErasureReceipt.objects.create(
        kind=ErasureReceipt.Kind.WIPE, erased=erased, kept={**after, **_records(person)}
    )


@transaction.atomic
def erase_account(person: User, *, by: User | None = None) -> ErasureReceipt:
    """Erase the person and all that is theirs, end their sessions. `by` is somebody of the staff who was asked to.

    Raises NotThisAccount for staff.
    """
    receipt = _erase(person, by=by)
    end_sessions({person.pk})
    return receipt


def erase_idle_guests() -> int:
    """Erase guests who have not been here for the days of the settings. Returns how many; 0 days keep everybody."""
    if not settings.GUEST_DAYS:
        return 0
    since = timezone.now() - timedelta(days=settings.GUEST_DAYS)
    unseen = Q(seen_on__lt=since.date()) | Q(seen_on=None, date_joined__lt=since)
    idle = User.objects.filter(unseen, is_guest=True, is_staff=False).exclude(conversations__updated_at__gte=since)
    gone: set[UUID] = set()
    for guest in idle:
        with transaction.atomic():
            User.objects.select_for_update().filter(pk=guest.pk).first()
            if not idle.filter(pk=guest.pk).exists():
                continue  # came back or signed up a moment ago
            _erase(guest, by=None)
        gone.add(guest.pk)
    if gone:
        end_sessions(gone)
    return len(gone)


def end_sessions(people: Collection[UUID]) -> None:
    """Log these people out of every browser, guests included. Sessions are sealed, so each has to be looked into."""
    wanted = {str(pk) for pk in people}
    ended = [session.pk for session in Session.objects.iterator() if wanted & _people_in(session)]
    Session.objects.filter(pk__in=ended).delete()


def _people_in(session: Session) -> set[str]:
    inside = session.get_decoded()
    return {str(inside[key]) for key in ("_auth_user_id", SESSION_KEY) if key in inside}


def _erase(person: User, *, by: User | None) -> ErasureReceipt:
    person = User.objects.select_for_update().get(pk=person.pk)
    if person.is_staff:
        raise NotThisAccount
    receipt = ErasureReceipt.objects.create(
        kind=ErasureReceipt.Kind.ACCOUNT, erased=_counts(person), kept=_records(person)
    )
    _forget_files_and_logs(person)
    for name, model, field in relations():
        rows = rows_of(model, field, person)
        if RULES[name].deed == "erase":
            rows.delete()
        else:
            rows.update(**{field: None})
    # The administration's own log calls people by name.
    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(person.pk))
    about.update(object_repr=FORGOTTEN, object_id="", change_message="")
    person.delete()
    audit.record(by, "erase_account", subject_type="receipt", subject_ref=receipt.pk, details=receipt.erased)
    return receipt


def _counts(person: User) -> dict[str, int]:
    return {found.kind.code: found.num for found in inventory.stored(person) if found.num}


def _records(person: User) -> dict[str, int]:
    num = inventory.num_records_kept(person)
    return {"records": num} if num else {}


def _forget_files_and_logs(person: User) -> None:
    """What lies outside the database goes once the rows are gone for good."""
    # Locked, so that no worker finishes one between this look and the end of the row.
    exports = [export.pk for export in DataExport.objects.select_for_update().filter(person=person)]
    forget_logs(Reply.objects.filter(conversation__owner=person))
    temporary_keys.forget(Conversation.objects.filter(owner=person, is_temporary=True).values_list("pk", flat=True))
    transaction.on_commit(lambda: delete_files(exports))
    transaction.on_commit(jobs.enqueue_forgetting)
