"""Asking for another look at what the safety layer did, and being told what came of it. One such look each."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from assistant.safety.taxonomy import plain_name
from webapp.accounts.models import User
from webapp.chat.errors import NotFound
from webapp.chat.models import Conversation, Reply
from webapp.chat.services.conversations import reply_for
from webapp.moderation.models import Appeal, Case, Review, Suspension, Verdict
from webapp.moderation.services import cases, four_eyes, outcomes, suspensions
from webapp.moderation.services.hearing import heard
from webapp.moderation.services.withholding import BY_STAFF

MAX_TEXT_CHARS = outcomes.MAX_TEXT_CHARS
DAY = timedelta(days=1)
_STANDING = Appeal.objects.exclude(
    state=Appeal.State.GRANTED, case__reply__state=Reply.State.BLOCKED, case__reply__finish_reason=BY_STAFF
)
"""Not those that were granted before somebody of the staff withheld the answer: that is another decision."""


class CannotAppeal(Exception):
    """Nothing was changed; the text says why, to the person."""


class CannotAnswer(Exception):
    """Nothing was changed; the text says why, to a moderator."""


def appeal(person: User, *, reply_id: UUID | None = None, suspension_id: int | None = None, text: str = "") -> Appeal:
    """Ask for another look at a withheld turn or at a running suspension of one's own.

    Raises CannotAppeal, and NotFound for what is absent or somebody else's, alike.
    """
    text = text.replace("\x00", "").replace("\r\n", "\n").strip()  # nobody means a NUL, and a line has one end
    if len(text) > MAX_TEXT_CHARS:
        raise CannotAppeal(_("Please say it in %(num)d characters.") % {"num": MAX_TEXT_CHARS})
    with heard(person, reply_id):
        if reply_id is not None:
            reply = _withheld(person, reply_id)
            _check_limit(person)
            case = cases.flag(reply.pk, "appeal", text=text, category=_withheld_for(reply))
            return _create(Appeal(person=person, case=case, text=text))
        suspension = _running(person, suspension_id)
        _check_limit(person)
        return _create(Appeal(person=person, suspension=suspension, text=text))


@transaction.atomic
def settle(case: Case, review: Review) -> None:
    """Answer what is pending about this case as the review says, and tell the person."""
    reply = Reply.objects.only("state", "input_checked").get(pk=case.reply_id)
    granted = review.outcome == Case.Outcome.DISAGREED

    def said() -> str:
        return _granted_answer(reply) if granted else _denied_answer(review.category)

    for pending in case.appeals.filter(state=Appeal.State.PENDING):
        outcomes.decide(pending, by=review.reviewer, granted=granted, answer=said)


@transaction.atomic
def answer(appeal_id: UUID, *, by: User, granted: bool, text: str = "") -> Appeal:
    """Decide an appeal against a suspension; a granted one lifts it. Only who has read it denies it.

    Raises CannotAnswer.
    """
    pending = Appeal.objects.select_for_update().filter(pk=appeal_id, state=Appeal.State.PENDING).first()
    if pending is None or pending.suspension is None:
        raise CannotAnswer(_("There is nothing left to decide here."))
    if pending.person_id == by.pk:
        raise CannotAnswer(_("This is about you. A colleague decides it."))
    suspension = pending.suspension
    confirms_own = not granted and suspension.by_id == by.pk
    if confirms_own and four_eyes.has_colleague(by, four_eyes.ANSWERS, about=pending.person):
        raise CannotAnswer(_("You suspended this person. You can lift it; a colleague has to confirm it."))
    if not granted and not four_eyes.has_read_appeal(by, pending):
        raise CannotAnswer(_("Please read what the person says before you decide."))

    def said() -> str:
        return f"{_suspension_answer(suspension, granted=granted)} {text.strip()}".strip()

    outcomes.decide(pending, by=by, granted=granted, answer=said, is_sole_moderator=confirms_own)
    if granted:
        suspensions.lift(suspension, by=by, reason=_("Appeal granted"))
    pending.refresh_from_db()
    return pending


def by_reply(conversation: Conversation) -> Mapping[UUID, Appeal]:
    """Reply -> the appeal about it that stands, for the turns of one conversation."""
    about = _STANDING.filter(case__reply__conversation=conversation).select_related("case").order_by("created_at")
    return {appeal.case.reply_id: appeal for appeal in about if appeal.case}


def about_reply(person: User | None, reply_id: UUID) -> Appeal | None:
    """The appeal about this reply that stands. Raises NotFound if it is absent or somebody else's."""
    return _STANDING.filter(case__reply=reply_for(person, reply_id, or_ended=True)).order_by("-created_at").first()


def _withheld(person: User, reply_id: UUID) -> Reply:
    reply = reply_for(person, reply_id, or_ended=True)
    _check_earlier(about_reply(person, reply_id))
    if reply.state != Reply.State.BLOCKED:
        raise CannotAppeal(_("This turn is not withheld."))
    return reply


def _withheld_for(reply: Reply) -> str:
    """What the guard named last. It may have a case already with another answer to the same message."""
    stopped = reply.verdicts.filter(action=Verdict.Action.BLOCK).order_by("created_at").last()
    return str(stopped.violated[0]) if stopped and stopped.violated else ""


def _running(person: User, suspension_id: int | None) -> Suspension:
    suspension = person.suspensions.filter(pk__in=[suspension_id]).first()
    if suspension is None:
        raise NotFound
    _check_earlier(suspension.appeals.order_by("-created_at").first())
    if not suspension.is_running:
        raise CannotAppeal(_("This suspension has ended."))
    return suspension


def _check_earlier(earlier: Appeal | None) -> None:
    if earlier is None:
        return
    if earlier.state == Appeal.State.PENDING:
        raise CannotAppeal(_("You have asked for a review already. You will be told what comes of it."))
    raise CannotAppeal(_("This was looked at again already, and the answer stands."))


def _check_limit(person: User) -> None:
    limit = settings.MODERATION.appeals_per_day
    if person.appeals.filter(created_at__gt=timezone.now() - DAY).count() >= limit:
        raise CannotAppeal(_("You can ask for %(num)d reviews a day. Please try again tomorrow.") % {"num": limit})


def _create(new: Appeal) -> Appeal:
    try:
        with transaction.atomic():
            new.save(force_insert=True)
    except IntegrityError:
        raise CannotAppeal(_("You have asked for a review already. You will be told what comes of it.")) from None
    return new


def _granted_answer(reply: Reply) -> str:
    if reply.state == Reply.State.BLOCKED:
        return _("You are right, this should not have been withheld. Sorry. Its words are gone now; please ask again.")
    if reply.state == Reply.State.DONE:
        return _("You are right, this should not have been withheld. Sorry. Here it is.")
    return _("You are right, this should not have been withheld. Sorry. Your message is answered now.")


def _suspension_answer(suspension: Suspension, *, granted: bool) -> str:
    if suspension.is_running:
        return _("The suspension is lifted. Sorry for the trouble.") if granted else _("The suspension stays.")
    if granted:
        return _("You are right, you should not have been suspended. Sorry. The suspension has ended meanwhile.")
    return _("The suspension was right. It has ended meanwhile.")


def _denied_answer(category: str) -> str:
    return _(
        "Somebody of the staff has read it again. It touches a rule of this place (%(category)s), so it stays withheld."
    ) % {"category": _(plain_name(category))}
