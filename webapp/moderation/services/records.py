"""What the safety layer did to one person, for that person's own eyes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from assistant.safety.taxonomy import plain_name
from webapp.accounts.models import PasswordLink, User
from webapp.chat.models import Reply
from webapp.moderation.models import Appeal, Flag, Reveal, Review, Suspension, Verdict
from webapp.moderation.services import outcomes, reports
from webapp.moderation.services.withholding import BY_STAFF

SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldTurn:
    """A turn that was not shown, or was not at first. `side` is what the guard stopped at: "input" or "output".

    `was_helped`: the person spoke of hurting themselves, and help was shown in place of an answer.
    """

    reply: Reply
    category: str
    was_helped: bool
    side: str
    appeal: Appeal | None

    @property
    def has_ended(self) -> bool:
        """Whether it was in a temporary chat, so that its words are not there to be shown."""
        return self.reply.conversation.ended_at is not None or self.reply.message.is_unread

    @property
    def is_withheld(self) -> bool:
        return self.reply.state == Reply.State.BLOCKED

    @property
    def may_appeal(self) -> bool:
        """One that was granted says nothing of what somebody of the staff withheld later."""
        was_granted = self.appeal is not None and self.appeal.state == Appeal.State.GRANTED
        return self.is_withheld and (self.appeal is None or (was_granted and self.reply.finish_reason == BY_STAFF))

    @property
    def is_unseen(self) -> bool:
        return self.appeal is not None and self.appeal.decided_at is not None and self.appeal.seen_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspensionShown:
    suspension: Suspension
    is_running: bool
    appeal: Appeal | None

    @property
    def may_appeal(self) -> bool:
        return self.is_running and self.appeal is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything newest first."""

    turns: Sequence[WithheldTurn]
    suspensions: Sequence[SuspensionShown]
    warnings: Sequence[tuple[Review, str]]
    reports: Sequence[Flag]
    password_links: Sequence[PasswordLink]
    looks: Sequence[Reveal]

    def offers(self, field: str, value: str) -> bool:
        """Whether a review can be asked for here: of the reply, or the suspension, with this id."""
        turns = {("reply", str(turn.reply.pk)) for turn in self.turns if turn.may_appeal}
        suspensions = {("suspension", str(shown.suspension.pk)) for shown in self.suspensions if shown.may_appeal}
        return (field, value) in turns | suspensions

    def be_seen_by(self, person: User) -> None:
        """This was shown to the person; what was decided since, or had no place on the page, stays unseen."""
        appeals = [shown.appeal for shown in self.turns] + [shown.appeal for shown in self.suspensions]
        outcomes.see(
            person,
            answered=[appeal.pk for appeal in appeals if appeal and appeal.state != Appeal.State.PENDING],
            warned=[review.pk for review, _category in self.warnings],
            links=[link.pk for link in self.password_links],
        )


def record_of(person: User) -> Record:
    """What this person is shown of themselves, the newest fifty of each kind."""
    return Record(
        turns=_turns(person),
        suspensions=[
            SuspensionShown(
                suspension=suspension,
                is_running=suspension.is_running,
                appeal=next(iter(suspension.appeals.all()), None),
            )
            for suspension in person.suspensions.prefetch_related("appeals")[:SHOWN]
        ],
        warnings=[(review, _(plain_name(review.category))) for review in _warnings(person)],
        reports=list(reports.by(person).select_related("case__reply__conversation")[:SHOWN]),
        password_links=list(person.password_links.all()[:SHOWN]),
        looks=list(Reveal.objects.filter(conversation__owner=person).select_related("conversation")[:SHOWN]),
    )


def _warnings(person: User) -> Sequence[Review]:
    """The newest, and older ones that were never seen: what is counted as unseen must be somewhere to be seen."""
    every = outcomes.warnings(person.pk).select_related("case__reply__conversation").defer("note")
    newest = list(every[:SHOWN])
    if len(newest) < SHOWN:
        return newest
    return [*newest, *every.filter(seen_at=None).exclude(pk__in=[review.pk for review in newest])]


def _turns(person: User) -> Sequence[WithheldTurn]:
    appealed = {appeal.case.reply_id: appeal for appeal in _appeals(person) if appeal.case}
    mine = Reply.objects.filter(conversation__owner=person)
    shown = mine.filter(state=Reply.State.BLOCKED) | mine.filter(pk__in=appealed)
    every = shown.select_related("message", "conversation", "case").order_by("-created_at")
    replies = list(every[:SHOWN])
    if len(replies) == SHOWN:
        unseen = outcomes.unseen_outcomes(person.pk).values("case__reply")
        replies += every.filter(pk__in=unseen).exclude(pk__in=[reply.pk for reply in replies])
    stopped: dict[object, Verdict] = {
        verdict.reply_id: verdict
        for verdict in Verdict.objects.filter(reply__in=replies, action=Verdict.Action.BLOCK).order_by("created_at")
    }
    decided = _withheld_as(person) if any(reply.finish_reason == BY_STAFF for reply in replies) else {}
    return [_turn(reply, stopped.get(reply.pk), appealed.get(reply.pk), decided) for reply in replies]


def _appeals(person: User) -> Sequence[Appeal]:
    return list(person.appeals.filter(case__isnull=False).select_related("case").order_by("created_at"))


def _withheld_as(person: User) -> Mapping[str, str]:
    """What was asked -> the category that the last moderator named who withheld an answer to it. Copies of the answer
    were withheld with it."""
    carried_out = Review.objects.filter(consequence=Review.Consequence.WITHHOLD, due_at=None, undone_at=None)
    decided = carried_out.filter(case__person=person).order_by("created_at", "pk")
    return dict(decided.values_list("case__reply__message__text", "category"))


def _turn(reply: Reply, stopped: Verdict | None, appeal: Appeal | None, decided: Mapping[str, str]) -> WithheldTurn:
    """An earlier verdict of the guard says nothing of what a moderator withheld later."""
    if reply.finish_reason == BY_STAFF:
        stopped = None
    category = stopped.violated[0] if stopped and stopped.violated else _flagged_as(reply, decided)
    side = stopped.direction if stopped else ("output" if reply.input_checked else "input")
    was_helped = side == "input" and category == "self_harm"
    return WithheldTurn(reply=reply, category=_(plain_name(category)), was_helped=was_helped, side=side, appeal=appeal)


def _flagged_as(reply: Reply, decided: Mapping[str, str]) -> str:
    """No guard has named a category where a moderator withheld it."""
    if reply.finish_reason == BY_STAFF and reply.message.text in decided:
        return decided[reply.message.text]
    case = getattr(reply, "case", None)
    return str(case.category) if case else ""
