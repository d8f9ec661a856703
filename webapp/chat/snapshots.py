"""How a reply looks right now, from its row alone."""

from typing import Any

from webapp.chat.models import Reply
from webapp.chat.services.endings import error_event
from webapp.chat.services.steps import shown_steps
from webapp.chat.services.support import shown_support
from webapp.chat.services.waiting import place


def snapshot(reply: Reply) -> dict[str, Any]:
    """The wire object that replaces everything a reader shows of this reply (without `reply`)."""
    return {
        "type": "snapshot",
        "cursor": reply.cursor,
        "state": reply.state,
        "phase": reply.phase,
        "queue": place(reply),
        "blocks": reply.blocks,
        "tail": reply.tail or None,
        "citations": reply.citations,
        "notices": reply.notices,
        "code_reports": reply.code_reports,
        "steps": shown_steps(reply.steps),
        "used": reply.used,
        "support": shown_support(reply),
        "followups": reply.followups,
        "finish_reason": reply.finish_reason,
        "error": error_of(reply),
    }


def error_of(reply: Reply) -> dict[str, Any] | None:
    """What a person is told of a failed reply, or None."""
    if reply.state != Reply.State.FAILED:
        return None
    event = error_event(reply.error_code)
    return {"code": event.code, "text": event.text, "retry": event.retry}
