"""Cases, from the first flag to the decision. Whoever changes one names the version they have seen.

A decision closes its case at once. What it does to the person (a release, a warning, a suspension, the answer to an
appeal) waits until it cannot be undone any more: `services.consequences` carries it out.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.moderation.models import Appeal, Case, Flag, Note, Review, Verdict
from webapp.moderation.services import audit, evidence, four_eyes, scoring
from webapp.moderation.services.case_rules import CannotDecide, CaseChanged, check, check_is_not_about

STRIKES_COUNT_FOR = timedelta(days=180)
Consequence = Review.Consequence
_BY_PEOPLE = (Flag.Source.REPORT, Flag.Source.SHARED, Flag.Source.APPEAL)
_ABOUT_THE_CHAT = ("message_id", "conversation__owner_id", "conversation__is_temporary")


@dataclass(frozen=True, slots=True)
class Bulk:
    """What came of deciding many cases at once: the reviews made, and how many cases were left as they are."""

    reviews: tuple[Review, ...]
    num_left: int


@transaction.atomic
def flag(
    reply_id: UUID,
    source: scoring.Source,
    *,
    verdict: Verdict | None = None,
    category: str = "",
    score: float = 1.0,
    reason: str = "",
    text: str = "",
) -> Case:
    """Point at a turn: open its case, add to it, or open it again. Raises IntegrityError if the reply is gone; in a
    temporary chat Ended and TemporaryAway, too."""
    reply = Reply.objects.select_related("conversation").only(*_ABOUT_THE_CHAT).filter(pk=reply_id).first()
    if reply is None:
        raise IntegrityError(f"reply {reply_id} is gone")
    opened = {"person_id": reply.conversation.owner_id, "opened_at": timezone.now()}
    case, _is_new = Case.objects.select_for_update().get_or_create(reply_id=reply_id, defaults=opened)
    said = {"reason": reason, "text": text}
    Flag.objects.create(case=case, source=source, verdict=verdict, category=category, score=score, **said)
    if source in _BY_PEOPLE or (verdict and verdict.action == Verdict.Action.BLOCK):
        evidence.keep(case, reply)
    if case.state == Case.State.CLOSED:
        _open_again(case)
        _changed(case, None, "reopen", source=source)
    else:
        _changed(case)
    return case


@transaction.atomic
def claim(case_id: UUID, *, by: User, version: int) -> Case:
    """Say that `by` works on it. Raises CannotDecide, CaseChanged among them."""
    case = _locked(case_id, version)
    check_is_not_about(case, by)
    if case.state == Case.State.CLOSED:
        raise CannotDecide(_("This case is closed. Open it again first."))
    case.assignee = by
    return _changed(case, by, "claim")


@transaction.atomic
def unclaim(case_id: UUID, *, by: User, version: int) -> Case:
    """Leave it to whoever comes. Raises CannotDecide, CaseChanged among them."""
    case = _locked(case_id, version)
    check_is_not_about(case, by)
    case.assignee = None
    return _changed(case, by, "unclaim")


@transaction.atomic
def escalate(case_id: UUID, *, by: User, version: int, note: str = "") -> Case:
    """Leave an open case to those who settle the hard ones. Raises CannotDecide, CaseChanged among them."""
    case = _locked(case_id, version)
    check_is_not_about(case, by)
    if case.state != Case.State.OPEN:
        raise CannotDecide(_("Only an open case can be escalated."))
    case.state, case.assignee = Case.State.ESCALATED, None
    _write_note(case, by, note)
    return _changed(case, by, "escalate")


@transaction.atomic
def reopen(case_id: UUID, *, by: User, version: int, note: str = "") -> Case:
    """Look at a closed case again. What was done to the person stays. Raises CannotDecide, CaseChanged among them."""
    case = _locked(case_id, version)
    check_is_not_about(case, by)
    if case.state != Case.State.CLOSED:
        raise CannotDecide(_("This case is open already."))
    _open_again(case)
    _write_note(case, by, note)
    return _changed(case, by, "reopen")


@transaction.atomic
def add_note(case_id: UUID, *, by: User, text: str) -> None:
    """Tell colleagues something. Changes nothing that a decision rests on, so it needs no version.

    Raises CannotDecide if there is nothing to tell.
    """
    case = _present(case_id)
    if not text.strip():
        raise CannotDecide(_("Please write something first."))
    _write_note(case, by, text)
    audit.record(by, "note", subject_type="case", subject_ref=case.pk, details={"version": case.version})


@transaction.atomic
def decide(
    case_id: UUID,
    *,
    reviewer: User,
    version: int,
    outcome: str,
    category: str = "",
    consequence: str = Consequence.NONE,
    note: str = "",
    reason: str = "",
    days: int | None = None,
) -> Review:
    """Close the case. The consequence is carried out after `MODERATION.undo_s`, unless it is undone before.

    `reason`, which the person is told, and `days` belong to a suspension. A false alarm that somebody appealed
    against gives back what was withheld; `services.four_eyes` says who answers an appeal. Raises CannotDecide,
    CaseChanged among them.
    """
    case = _locked(case_id, version)
    if outcome == Case.Outcome.DISAGREED and consequence == Consequence.NONE and _awaits_release(case):
        consequence = Consequence.RELEASE
    check(case, reviewer, outcome=outcome, consequence=consequence, reason=reason, days=days)
    recorded = {"sole_moderator": True} if four_eyes.check_appeal(case, reviewer, outcome=outcome) else {}
    now = timezone.now()
    review = Review.objects.create(
        case=case,
        reviewer=reviewer,
        outcome=outcome,
        category=category or case.category,
        consequence=consequence,
        days=days if consequence == Consequence.SUSPEND else None,
        reason=" ".join(reason.split()),
        note=note.strip(),
        state_before=case.state,
        wants_second=secrets.randbelow(10_000) < settings.MODERATION.second_review_share * 10_000,
        created_at=now,
        due_at=now + timedelta(seconds=settings.MODERATION.undo_s),
    )
    case.state, case.outcome, case.closed_at, case.assignee = Case.State.CLOSED, outcome, now, None
    _changed(case, reviewer, "decide", review=review.pk, outcome=outcome, consequence=consequence, **recorded)
    _rescore_others(case)
    return review


@transaction.atomic
def undo(review_id: int, *, by: User) -> Case:
    """Take back a decision of one's own, in time. Raises CannotDecide."""
    now = timezone.now()
    # The same test and set as `consequences` makes: exactly one of the two comes first.
    mine = Review.objects.filter(pk=review_id, reviewer=by, due_at__gt=now, undone_at=None)
    if not mine.update(undone_at=now, due_at=None):
        raise CannotDecide(_("It is too late to undo this. The case can be opened again."))
    review = Review.objects.get(pk=review_id)
    case = Case.objects.select_for_update().get(pk=review.case_id)
    later = case.decision
    is_overtaken = later is not None and later.created_at > review.created_at
    if case.state == Case.State.CLOSED and not is_overtaken:  # else it was opened again meanwhile
        case.state, case.outcome, case.closed_at = Case.State(review.state_before), "", None
    _changed(case, by, "undo", review=review.pk)
    _rescore_others(case)
    return case


def bulk_decide(seen: Mapping[UUID, int], *, reviewer: User, outcome: str, category: str) -> Bulk:
    """Decide many cases of one category alike, without consequences. `seen` maps each case to the version looked at.

    Each is a decision of its own, which can be undone. A case that somebody appealed is left: its answer is a
    consequence, and promises that it was read. Raises CannotDecide, and decides nothing, if a case is of another
    category.
    """
    if Case.objects.filter(pk__in=seen).exclude(category=category).exists():
        raise CannotDecide(_("Cases of different categories are not decided at once."))
    pending = Appeal.objects.filter(case__in=seen, state=Appeal.State.PENDING)
    appealed = set(pending.values_list("case_id", flat=True))
    reviews: list[Review] = []
    for case_id, version in seen.items():
        if case_id in appealed:
            continue
        try:
            reviews.append(decide(case_id, reviewer=reviewer, version=version, outcome=outcome))
        except CannotDecide:
            continue  # changed since the list was shown, or gone, or not this reviewer's to decide: counted as left
    return Bulk(tuple(reviews), len(seen) - len(reviews))


def num_strikes(person_id: UUID, *, except_case: UUID | None = None) -> int:
    """How often the person broke a rule lately, as moderators saw it."""
    broken = Case.objects.filter(person_id=person_id).broken_since(timezone.now() - STRIKES_COUNT_FOR)
    return (broken.exclude(pk=except_case) if except_case else broken).count()


def _locked(case_id: UUID, version: int) -> Case:
    """The case, ours until the transaction ends. Raises CannotDecide if it is gone, CaseChanged among them."""
    case = _present(case_id)
    if case.version != version:
        raise CaseChanged(case, seen_version=version)
    return case


def _present(case_id: UUID) -> Case:
    case = Case.objects.select_for_update().filter(pk=case_id).first()
    if case is None:
        raise CannotDecide(_("This case is gone: its chat was deleted."))
    return case


def _changed(case: Case, by: User | None = None, act: str = "", **details: Any) -> Case:
    """Store the case as its next version, and the act with it. A flag that adds to an open case is no act."""
    case.version += 1
    _score(case)
    case.save()
    if act:
        details["version"] = case.version
        audit.record(by, act, subject_type="case", subject_ref=case.pk, details=details)
    return case


def _open_again(case: Case) -> None:
    """What was decided above is looked at again above."""
    last = case.decision
    was_escalated = last is not None and last.state_before == Case.State.ESCALATED
    case.state = Case.State.ESCALATED if was_escalated else Case.State.OPEN
    case.outcome, case.closed_at, case.assignee = "", None, None
    case.opened_at = timezone.now()


def _write_note(case: Case, by: User, text: str) -> None:
    if text.strip():
        Note.objects.create(case=case, author=by, text=text.strip())


def _score(case: Case) -> None:
    signals = [scoring.Signal(flag.source, flag.category, flag.score) for flag in case.flags.all()]  # type: ignore[arg-type]  # a choice
    case.category = scoring.strongest(signals)
    strikes = num_strikes(case.person_id, except_case=case.pk)
    case.score = scoring.rank(signals, num_strikes=strikes, opened_at=case.opened_at)


def _rescore_others(decided: Case) -> None:
    """A decision changes the history of the person, and with it how soon their other cases are looked at."""
    # One that somebody else is deciding now is left to them: waiting for each other would be a deadlock.
    waiting = Case.objects.select_for_update(skip_locked=True).exclude(state=Case.State.CLOSED)
    for case in waiting.filter(person=decided.person_id).exclude(pk=decided.pk).prefetch_related("flags"):
        _score(case)
        case.save(update_fields=["score", "category"])


def _awaits_release(case: Case) -> bool:
    is_withheld = case.reply.state == Reply.State.BLOCKED
    return is_withheld and case.appeals.filter(state=Appeal.State.PENDING).exists()
