"""What the chat page shows, read from rows."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services.conversations import branch
from webapp.chat.snapshots import error_of
from webapp.moderation.models import Appeal
from webapp.moderation.services import appeals, reports

STARTERS = [
    {"job": "Learn", "title": "Explain it simply", "prompt": "Explain how rainbows form, in simple words."},
    {"job": "Get things done", "title": "Plan my week", "prompt": "Help me plan a calm and productive week."},
    {"job": "Create", "title": "Write a short story", "prompt": "Write a short story about a lost llama in the Andes."},
    {"job": "Connect", "title": "Find kind words", "prompt": "Help me write a warm birthday message for a friend."},
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReply:
    id: UUID
    state: str
    phase: str
    cursor: str
    blocks: list[str]
    tail: str
    citations: list[dict[str, Any]]
    notices: list[dict[str, Any]]
    code_reports: list[dict[str, Any]]
    error: dict[str, Any] | None

    @property
    def code_reports_json(self) -> str:
        """For the script that puts them where the code is."""
        return json.dumps(self.code_reports)

    @property
    def is_active(self) -> bool:
        return self.state in Reply.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTurn:
    message: Message
    reply: ShownReply
    review: Appeal | None
    is_reported: bool


def shown_turns(conversation: Conversation) -> list[ShownTurn]:
    """The newest branch of the conversation, oldest turn first."""
    reviews, reported = appeals.by_reply(conversation), reports.reported_in(conversation)
    return [
        ShownTurn(
            message=message,
            reply=_shown(reply),
            review=reviews.get(reply.pk),
            is_reported=reply.pk in reported,
        )
        for message, reply in branch(conversation)
    ]


def _shown(reply: Reply) -> ShownReply:
    return ShownReply(
        id=reply.pk,
        state=reply.state,
        phase=reply.phase,
        cursor=reply.cursor,
        blocks=reply.blocks,
        tail=reply.tail,
        citations=reply.citations,
        notices=reply.notices,
        code_reports=reply.code_reports,
        error=error_of(reply),
    )
