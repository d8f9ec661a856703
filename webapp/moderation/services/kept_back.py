"""Which turns are for their owner alone. Whoever shows turns to others, or lets them take some along, asks each time.

What the staff decided stands, also while the case is looked at again. Else the scores that the guards gave when the
turn was written are weighed by the policy in force, which may be stricter than the one of that day. Where none are on
record, as of a copy or an import, there is nothing to weigh; a guard still reads such a turn as what was said before,
whenever somebody goes on from it.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from webapp.chat.models import Reply
from webapp.moderation.models import Case, Review, Verdict
from webapp.moderation.services import policies


def kept_back(owner_id: UUID, replies: Sequence[Reply]) -> frozenset[UUID]:
    """Those of these answers of one person, with their messages, that nobody else may be shown.

    A copy of a turn in which a rule is broken is one, too.
    """
    decided = _decided(owner_id)
    condemned = [pk for pk, outcome in decided.items() if outcome == Case.Outcome.AGREED]
    words = _words_of(condemned)
    undecided = [reply for reply in replies if reply.pk not in decided]
    copies = {reply.pk for reply in undecided if words and (reply.message.text, reply.text) in words}
    return frozenset(copies.union(condemned, _stopped_today(undecided)))


def _decided(owner_id: UUID) -> Mapping[UUID, str]:
    """Reply -> the last decision about it that was not taken back."""
    standing = Review.objects.filter(case__person=owner_id, second_of=None, undone_at=None)
    return dict(standing.order_by("created_at", "pk").values_list("case__reply_id", "outcome"))


def _words_of(condemned: Sequence[UUID]) -> frozenset[tuple[str, str]]:
    """Of temporary chats nobody has a copy."""
    if not condemned:
        return frozenset()
    kept = Reply.objects.filter(pk__in=condemned, conversation__is_temporary=False).exclude(text="")
    return frozenset(kept.values_list("message__text", "text"))


def _stopped_today(replies: Iterable[Reply]) -> frozenset[UUID]:
    policy = policies.active()
    shown_in = _with_what_they_go_on_from(replies)
    # What was stopped then is not in what is shown, unless the staff decided so; what this policy let pass, it does.
    passed = Verdict.objects.filter(reply__in=shown_in).exclude(action=Verdict.Action.BLOCK)
    scored = passed.exclude(policy_version=policy.version).order_by()
    stopped: set[UUID] = set()
    for reply_id, direction, scores, knows in scored.values_list("reply", "direction", "categories", "knows_language"):
        if policy.decide(scores, direction, knows_language=knows).action == "block":  # type: ignore[arg-type]  # a choice
            stopped |= shown_in[reply_id]
    return frozenset(stopped)


def _with_what_they_go_on_from(replies: Iterable[Reply]) -> Mapping[UUID, set[UUID]]:
    """Each of them, and each earlier version whose words one of them begins with -> those that show its words."""
    shown_in: dict[UUID, set[UUID]] = {reply.pk: {reply.pk} for reply in replies}
    step = set(shown_in)
    while step:
        earlier = Reply.objects.filter(pk__in=step, continued_from__isnull=False)
        step = set()
        for pk, before in earlier.values_list("pk", "continued_from_id"):
            if before not in shown_in:
                shown_in[before] = set()
                step.add(before)
            shown_in[before] |= shown_in[pk]
    return shown_in
