"""Whether what an answer says stands in the passages it was given: found out once it is finished, and not waited for.

A reply keeps places and scores, no words. `support` is null until it was checked; nothing is marked before.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from assistant.citations import SUPPORTED_FROM, Checked, Quoted, check_answer
from assistant.errors import RetrievalUnavailable
from webapp import wiring
from webapp.chat import hints
from webapp.chat.models import Reply, ReplyQuerySet

logger = logging.getLogger(__name__)

TIME_LIMIT_S = 20.0


def is_due(reply_id: UUID) -> bool:
    """Whether this answer is finished, was given passages, and was not checked."""
    return _due().filter(pk=reply_id).exists()


async def check_support(reply_id: UUID) -> None:
    """Check the reply, if it is finished and was not checked. Safe to run twice, late, or for a reply that is gone."""
    reply = await _due().select_related("conversation").filter(pk=reply_id).afirst()
    if reply is None or reply.is_unread:
        return
    try:
        async with asyncio.timeout(TIME_LIMIT_S), wiring.retrieval() as found_with:
            checked = await check_answer(reply.blocks, _quoted(reply), _others(reply), embedder=found_with.embedder)
    except (RetrievalUnavailable, TimeoutError) as error:
        logger.info("support_unknown", extra={"reply_id": str(reply_id), "error": type(error).__name__})
        return
    if checked is None:
        logger.info("support_unknown", extra={"reply_id": str(reply_id), "error": "TooLong"})
        return
    # A moderator may have withdrawn the answer meanwhile, or let it pass anew.
    unchanged = Reply.objects.filter(pk=reply_id, state=Reply.State.DONE, epoch=reply.epoch)
    if await unchanged.aupdate(support=_stored(checked)):
        await hints.support_found(reply.conversation.owner_id, reply_id=reply_id, sentences=_shown(_stored(checked)))


def shown_support(reply: Reply) -> list[dict[str, Any]]:
    """What a page needs to mark the sentences of the answer: nothing, where the answer itself is not shown."""
    return _shown(reply.support) if reply.support and reply.state == Reply.State.DONE else []


def _due() -> ReplyQuerySet:
    # Null is no JSON here, but the column's own.
    return Reply.objects.filter(state=Reply.State.DONE, support__isnull=True, passages__isnull=False).exclude(
        passages=[]
    )


def _quoted(reply: Reply) -> list[Quoted]:
    return [Quoted(title=passage["title"], text=passage["text"]) for passage in reply.passages or ()]


def _others(reply: Reply) -> list[Quoted]:
    """What tools found: what the answer has from there needs no source. Not the question: an answer that repeats what
    is wrong in it has that from nowhere."""
    return [Quoted(text=step["text"]) for step in reply.steps if step["state"] == "done" and step["text"]]


def _stored(checked: Checked) -> dict[str, Any]:
    return {
        "num_cited": len(checked.sentences),
        "num_supported": checked.num_supported,
        "sentences": [dataclasses.asdict(sentence) for sentence in checked.sentences],
    }


def _shown(stored: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`index` is by which the server knows the sentence; `start` and `end` count characters, not UTF-16 units."""
    sentences: Sequence[Mapping[str, Any]] = stored["sentences"]
    return [
        {
            "index": index,
            **{name: sentence[name] for name in ("block", "start", "end")},
            "source": sentence["passage"],
            "is_supported": sentence["score"] >= SUPPORTED_FROM,
        }
        for index, sentence in enumerate(sentences)
    ]
