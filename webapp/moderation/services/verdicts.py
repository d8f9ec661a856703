"""Keeping what a guard said, and calling the staff where it matters."""

from typing import Literal
from uuid import UUID

from django.db import transaction

from assistant.safety import verdict as safety
from assistant.safety.taxonomy import PROMPT_INJECTION
from webapp.chat.models import Reply
from webapp.moderation.models import Case, Flag, Verdict
from webapp.moderation.services import cases, evidence

Direction = Literal["input", "output"]

INFORM_FLAGS_AT = 0.9
"""Advice is ordinary traffic: beside an answer it needs somebody's eyes only where the guard is nearly certain."""

JAILBREAK_FLAGS_AT = 0.8
"""One that is only noted was answered: it stays on record, and is a case where the guard is more than half sure."""

MAX_GUARD_ID_CHARS = Verdict._meta.get_field("guard_id").max_length
"""Model servers name a model by where it lies on their disk; PostgreSQL takes nothing longer than the column."""


@transaction.atomic
def record(
    reply_id: UUID, direction: Direction, verdict: safety.Verdict, *, char_start: int = 0, char_end: int = 0
) -> Verdict:
    """Store one judgement of a reply's turn, with where in the text it applies and none of the text.

    Opens a case, or adds to it, where the staff should look.

    [char_start, char_end) counts characters of the person's message for "input", of the generated text for "output".
    Raises IntegrityError if the reply is gone; in a temporary chat Ended and TemporaryAway, too.
    """
    row = Verdict.objects.create(
        reply_id=reply_id,
        direction=direction,
        action=verdict.action,
        score=verdict.score,
        categories=dict(verdict.categories),
        violated=list(verdict.violated),
        guard_id=verdict.guard_id[:MAX_GUARD_ID_CHARS],
        policy_version=verdict.policy_version,
        is_degraded=verdict.is_degraded,
        language=verdict.language,
        knows_language=verdict.knows_language,
        latency_ms=verdict.latency_ms,
        char_start=char_start,
        char_end=char_end,
    )
    if _needs_eyes(verdict):
        category = verdict.violated[0] if verdict.violated else ""
        score = verdict.categories.get(category)
        # A category without a score was named by a guard that gives none: the overall score stands for it.
        certainty = verdict.score if score is None else score
        source: Literal["guard_input", "guard_output"] = "guard_input" if direction == "input" else "guard_output"
        about = {"case__reply__message__replies" if direction == "input" else "case__reply": reply_id}
        known = Flag.objects.filter(**about, source=source, category=category, score__gte=certainty)
        said = known.exclude(case__state=Case.State.CLOSED).select_related("case").first()
        if said is not None:  # of a part of the answer, or of the message when another answer was asked for
            if verdict.action == "block":
                evidence.keep(said.case, Reply.objects.select_related("conversation").get(pk=reply_id))
            return row
        cases.flag(reply_id, source, verdict=row, category=category, score=certainty)
    return row


def _needs_eyes(verdict: safety.Verdict) -> bool:
    if verdict.action == "inform":
        return verdict.score >= INFORM_FLAGS_AT
    if verdict.action == "log" and verdict.violated == (PROMPT_INJECTION,):
        return (verdict.categories.get(PROMPT_INJECTION) or 1.0) >= JAILBREAK_FLAGS_AT
    return verdict.action != "allow"
