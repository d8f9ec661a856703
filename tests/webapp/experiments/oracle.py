"""What people did, counted slowly and in plain Python from the rows themselves."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from webapp.accounts.models import User
from webapp.chat.models import Conversation, Reply
from webapp.experiments.models import Exposure, Metric


@dataclass(frozen=True)
class Turn:
    reply: Reply
    siblings: list[Reply]
    """Of the whole chat, itself included, copies and imports too."""
    blocks_from: float | None
    """The score from which the arm's shadow policy blocks; None: what was done counts."""
    before: Sequence[datetime] = ()
    """When the person's earlier turns were, in whatever chat."""


def turns_of(person: User, blocks_from: float | None = None) -> list[Turn]:
    found = []
    for chat in Conversation.objects.filter(owner=person, is_temporary=False):
        replies = list(chat.replies.select_related("message").order_by("created_at"))
        found += [Turn(reply, replies, blocks_from) for reply in replies if _happened(reply)]
    found.sort(key=lambda turn: (turn.reply.created_at, turn.reply.pk))
    moments = [turn.reply.created_at for turn in found]
    return [replace(turn, before=[at for at in moments if at < turn.reply.created_at]) for turn in found]


def _happened(reply: Reply) -> bool:
    return reply.epoch > 0 and reply.created_at >= reply.message.created_at


def _is_first_answer(turn: Turn) -> bool:
    return (
        min(turn.siblings, key=lambda other: (other.message_id != turn.reply.message_id, other.created_at))
        == turn.reply
    )


def _begins_chat(turn: Turn) -> bool:
    return turn.siblings[0] == turn.reply


def _goes_on(turn: Turn) -> bool:
    me = turn.reply
    return any(one.created_at > me.created_at and one.message_id != me.message_id for one in turn.siblings)


def _kept(turn: Turn) -> bool:
    me = turn.reply
    again = [one for one in turn.siblings if one.message_id == me.message_id and one.created_at > me.created_at]
    asked_again = any(one.continued_from_id != me.pk for one in again)
    messages = {one.message_id: one.message for one in turn.siblings}.values()
    edited = any(one.parent_id == me.message.parent_id and one.created_at > me.message.created_at for one in messages)
    return _done(turn) and not asked_again and not edited


def _done(turn: Turn) -> bool:
    return turn.reply.state == "done"


def _returns(turn: Turn) -> bool:
    days = {at.astimezone(UTC).date() for at in turn.before}
    return bool(days) and turn.reply.created_at.astimezone(UTC).date() not in days


def _thumbs(turn: Turn) -> list[int]:
    return list(turn.reply.feedback.values_list("thumb", flat=True))


def _blocked(turn: Turn, direction: str) -> bool:
    return any(one.direction == direction and one.action == "block" for one in turn.reply.verdicts.all())


def _shadow_blocked(turn: Turn) -> bool:
    verdicts = turn.reply.verdicts.all()
    if turn.blocks_from is None:
        return any(verdict.action == "block" for verdict in verdicts)
    return any(verdict.categories["hate"] >= turn.blocks_from for verdict in verdicts)


def _case_flags(turn: Turn) -> list[str]:
    case = getattr(turn.reply, "case", None)
    return [flag.source for flag in case.flags.all()] if case else []


def _appealed(turn: Turn) -> bool:
    case = getattr(turn.reply, "case", None)
    return case is not None and case.appeals.exists()


def _support(turn: Turn, key: str) -> int:
    return int(turn.reply.support[key]) if _done(turn) and turn.reply.support else 0


OF_A_TURN: dict[str, Callable[[Turn], float | None]] = {
    "turns": _is_first_answer,
    "starter_clicks": lambda turn: _is_first_answer(turn) and turn.reply.message.origin == "starter",
    "followup_clicks": lambda turn: _is_first_answer(turn) and turn.reply.message.origin == "followup",
    "chats": _begins_chat,
    "abandoned_chats": lambda turn: _begins_chat(turn) and not _goes_on(turn),
    "returns": _returns,
    "attempts": lambda turn: 1,
    "answers": _done,
    "kept_answers": _kept,
    "copied": lambda turn: _done(turn) and turn.reply.copied_at is not None,
    "cited": lambda turn: _done(turn) and bool(turn.reply.citations),
    "cited_sentences": lambda turn: _support(turn, "num_cited"),
    "supported_sentences": lambda turn: _support(turn, "num_supported"),
    "rated": lambda turn: bool(_thumbs(turn)),
    "thumbs_up": lambda turn: 1 in _thumbs(turn),
    "thumbs_down": lambda turn: -1 in _thumbs(turn),
    "reply_chars": lambda turn: len(turn.reply.text) if _done(turn) else 0,
    "reply_tokens": lambda turn: turn.reply.usage.get("reply_tokens", 0) if _done(turn) else 0,
    "first_text_ms": lambda turn: turn.reply.timings.get("first_text"),
    "latency_ms": lambda turn: turn.reply.timings.get("finished") if _done(turn) else None,
    "errors": lambda turn: turn.reply.state == "failed",
    "stops": lambda turn: turn.reply.state == "cancelled",
    "input_blocks": lambda turn: _blocked(turn, "input"),
    "output_blocks": lambda turn: _blocked(turn, "output"),
    "withdrawn": lambda turn: "first_text" in turn.reply.timings and _blocked(turn, "output"),
    "shadow_blocks": _shadow_blocked,
    "reports": lambda turn: "report" in _case_flags(turn),
    "appeals": _appealed,
}


def number(fact: str, turns: Iterable[Turn], begins: datetime, ends: datetime) -> float:
    """Of a person, over the turns in [begins, ends)."""
    within = [turn for turn in turns if begins <= turn.reply.created_at < ends]
    if fact == "active_days":
        return len({turn.reply.created_at.astimezone(UTC).date() for turn in within})
    return float(sum(OF_A_TURN[fact](turn) or 0 for turn in within))


def first(fact: str, turns: Iterable[Turn], begins: datetime, ends: datetime) -> float | None:
    values = [OF_A_TURN[fact](turn) for turn in turns if begins <= turn.reply.created_at < ends]
    return next((value for value in values if value is not None), None)


def furthest(facts: Sequence[str], turns: Iterable[Turn], begins: datetime, ends: datetime) -> int:
    """How many of the steps a person takes, from moment to moment; one that was a step before takes a later one."""
    within = [turn for turn in turns if begins <= turn.reply.created_at < ends]
    taken, last = 0, None
    for at in sorted({turn.reply.created_at for turn in within}):
        now = [turn for turn in within if turn.reply.created_at == at]
        while taken < len(facts) and any(OF_A_TURN[facts[taken]](turn) for turn in now):
            if facts[taken] in facts[:taken] and last == at:
                break
            taken, last = taken + 1, at
    return taken


def unit(metric: Metric, exposure: Exposure, remembered: dict[Any, list[Turn]] | None = None) -> list[Any]:
    """The columns of one exposed person: the number, for a ratio the one below, and both before the exposure.

    `remembered` has the turns of people for the next metric.
    """
    policy = exposure.arm.shadow_policy
    remembered = {} if remembered is None else remembered
    if exposure.pk not in remembered:
        remembered[exposure.pk] = turns_of(exposure.person, policy.rules["input"]["*"]["block"] if policy else None)
    turns = remembered[exposure.pk]
    begins = exposure.at + timedelta(hours=metric.from_hours)
    ends = exposure.at + timedelta(hours=metric.window_hours)
    if metric.kind == "quantile":
        return [first(metric.fact, turns, begins, ends)]
    if metric.kind == "funnel":
        return [furthest([metric.fact, *metric.later_steps], turns, begins, ends)]
    facts = [metric.fact, metric.per] if metric.per else [metric.fact]
    after = [number(fact, turns, begins, ends) for fact in facts]
    # What a shadow policy would have done is asked of the window alone.
    known = [] if metric.fact == "shadow_blocks" else turns
    before = [number(fact, known if fact == metric.fact else turns, *_days_before(exposure)) for fact in facts]
    if metric.cap is not None:
        after, before = [min(one, metric.cap) for one in after], [min(one, metric.cap) for one in before]
    return [*after, *before]


def _days_before(exposure: Exposure) -> tuple[datetime, datetime]:
    return exposure.at - timedelta(days=14), exposure.at
