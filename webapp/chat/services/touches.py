"""What comes after an answer: a title for the conversation, and what the person might ask next.

Rules write both for small models, which would take longer over them than over the answer and do worse. Whoever writes
them, the guard reads them first; of an answer that was withheld or stopped nothing is made.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async

from assistant.errors import GuardUnavailable, ModelRefused, ModelUnavailable
from assistant.followups import SCHEMA as FOLLOWUPS_SCHEMA
from assistant.followups import followups_from, followups_request, read_followups
from assistant.ports import ChatMessage, GeneratedPiece, GenerationRequest
from assistant.titles import SCHEMA as TITLE_SCHEMA
from assistant.titles import read_title, title_from, title_request
from webapp import wiring
from webapp.chat import hints
from webapp.chat.errors import Ended, TemporaryAway
from webapp.chat.models import Conversation, Reply
from webapp.chat.services.conversations import title_of
from webapp.experiments.services import serving
from webapp.wiring import TurnServices

logger = logging.getLogger(__name__)

MAX_TITLE_TOKENS = 60
MAX_FOLLOWUPS_TOKENS = 160
WORKED_OUT = {"calculator", "units"}
ASKS_FOR_NOTHING_MORE = {"dates", "draw_picture"}


async def finish_touches(reply_id: UUID) -> None:
    """Write what is missing of both. Safe to run twice, late, or for a reply that is gone."""
    reply = await _finished(reply_id)
    if reply is None:
        return
    wants_title = await _wants_title(reply)
    if not wants_title and reply.followups:
        return
    try:
        endpoint = (await sync_to_async(serving.in_production)()).endpoint
        async with wiring.turn_services(person_id=reply.conversation.owner_id, endpoint=endpoint) as services:
            if wants_title:
                await _give_title(reply, services)
            if not reply.followups:
                await _give_followups(reply, services)
    except (ModelUnavailable, ModelRefused, GuardUnavailable, Ended, TemporaryAway) as error:
        # The chat keeps its first words as a title, and goes on without ideas.
        logger.info("touches_left_out", extra={"reply_id": str(reply_id), "code": error.code})


async def _finished(reply_id: UUID) -> Reply | None:
    replies = Reply.objects.select_related("conversation", "message").filter(state=Reply.State.DONE)
    reply = await replies.exclude(text="").filter(pk=reply_id).afirst()
    return None if reply is None or reply.is_unread else reply


async def _wants_title(reply: Reply) -> bool:
    """A conversation is named once, after its first answer. A temporary one is not: its title would not be sealed."""
    conversation = reply.conversation
    if conversation.is_temporary or conversation.titled_by != Conversation.TitledBy.WORDS:
        return False
    if reply.message.parent_id is not None:
        return False
    earlier = reply.conversation.replies.filter(state=Reply.State.DONE, created_at__lt=reply.created_at)
    return not await earlier.aexists()


async def _give_title(reply: Reply, services: TurnServices) -> None:
    question, answer = reply.message.text, reply.text
    if services.is_small:
        title = title_of(_worked_out(reply)) or title_from(question)
    else:
        request = title_request(question, answer)
        title = read_title(await _said(request, TITLE_SCHEMA, services, MAX_TITLE_TOKENS, reply.seed))
    if not title or not await _passes([title], reply, services):
        return
    # Not over the title that its owner may have given it meanwhile.
    conversations = Conversation.objects.filter(pk=reply.conversation_id, titled_by=Conversation.TitledBy.WORDS)
    if await conversations.aupdate(title=title, titled_by=Conversation.TitledBy.ASSISTANT):
        await hints.conversation_changed(
            reply.conversation.owner_id, conversation_id=reply.conversation_id, title=title, reply_id=None
        )


async def _give_followups(reply: Reply, services: TurnServices) -> None:
    question, answer = reply.message.text, reply.text
    if services.is_small:
        if any(step["tool"] in ASKS_FOR_NOTHING_MORE for step in reply.steps):
            return
        items = followups_from(question, answer, is_worked_out=bool(_worked_out(reply)))
    else:
        request = followups_request(question, answer)
        items = read_followups(await _said(request, FOLLOWUPS_SCHEMA, services, MAX_FOLLOWUPS_TOKENS, reply.seed))
    if not items or not await _passes(items, reply, services):
        return
    # A moderator may have withdrawn the answer meanwhile.
    if await Reply.objects.filter(pk=reply.pk, state=Reply.State.DONE).aupdate(followups=list(items)):
        await hints.followups_found(reply.conversation.owner_id, reply_id=reply.pk, items=items)


def _worked_out(reply: Reply) -> str:
    """What was calculated or converted, if that was the answer."""
    steps = (step for step in reply.steps if step["tool"] in WORKED_OUT and step["state"] == "done")
    return next((str(step["input"]) for step in steps), "")


async def _said(
    messages: tuple[ChatMessage, ...], schema: Mapping[str, Any], services: TurnServices, max_tokens: int, seed: int
) -> str:
    request = GenerationRequest(
        messages=messages,
        continues=False,
        max_tokens=max_tokens,
        temperature=0.0,
        top_p=1.0,
        seed=seed,
        schema=schema,
    )
    async with aclosing(services.model.stream(request)) as pieces:
        return "".join([piece.text async for piece in pieces if isinstance(piece, GeneratedPiece)])


async def _passes(texts: Sequence[str], reply: Reply, services: TurnServices) -> bool:
    """Whether the guard lets these stand beside the answer."""
    asked = ChatMessage(role="user", text=reply.message.text)
    verdict = await services.guard.check((asked, ChatMessage(role="assistant", text="\n".join(texts))))
    return not verdict.blocks
