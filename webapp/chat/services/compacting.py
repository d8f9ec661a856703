"""Writes the summary of a conversation that has become long, after an answer and never in the way of the next one.

It is read by the guard like an answer before anybody reads it. What is of no use as a summary is not kept: the oldest
turns are then left out of the prompt, and the answer says so.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils.translation import gettext as _

from assistant.compaction import (
    is_nearly_full,
    max_summary_tokens,
    num_to_cover,
    read_summary,
    summary_request,
    tokens_to_keep,
)
from assistant.errors import GuardUnavailable, ModelRefused, ModelUnavailable
from assistant.ports import ChatMessage, GeneratedPiece, GenerationRequest
from assistant.prompt import count_tokens, message_tokens
from assistant.window import Filled
from webapp import jobs, wiring
from webapp.accounts.models import User
from webapp.chat import hints
from webapp.chat.errors import Ended, NothingToSummarise, Refused, TemporaryAway, TurnInProgress
from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services import summaries, turns
from webapp.chat.services.conversations import branch, conversation_for
from webapp.chat.services.history import is_summarised, messages_of
from webapp.chat.services.tree import Tree, end_of_branch
from webapp.experiments.services import serving
from webapp.wiring import TurnServices

logger = logging.getLogger(__name__)

MAX_STEPS = 6
LOOK_EVERY_S = 0.5
PATIENCE_S = 90.0


class _Interrupted(Exception):
    """Somebody talks or waits: the engine and the worker are for the next answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Which turns come next into a summary, beside what `before` says of those before them.

    `covered` is all of the branch that the new summary stands for; `told` what its model reads of it for the first
    time, each turn as question and answer.
    """

    covered: Sequence[summaries.State]
    before: str
    told: Sequence[tuple[str, str]]
    request: tuple[ChatMessage, ...]


def is_due(reply_id: UUID) -> bool:
    """Whether the conversation has become so long with this answer that its earlier turns should be summarised."""
    reply = Reply.objects.select_related("conversation__owner__preferences").filter(pk=reply_id).first()
    if reply is None or reply.is_active or not reply.filled or reply.state == Reply.State.BLOCKED or reply.is_unread:
        return False
    if not is_summarised(reply.conversation):
        return False
    answer_tokens = count_tokens(reply.text, reply.token_ids)
    return is_nearly_full(Filled(**reply.filled), answer_tokens) or bool(reply.used.get("num_unread"))


def ask_for_summary(person: User, conversation_id: UUID) -> Conversation:
    """Have the earlier turns of the branch that is shown summarised, once nobody waits for an answer. While one is
    being written no other is asked for. Raises NotFound or Refused."""
    conversation = conversation_for(person, conversation_id)
    turns.check_suspension(person)
    if summaries.is_talked_in(conversation.pk):
        raise TurnInProgress(_("Please wait until this answer is finished, or stop it."))
    if summaries.is_being_written(conversation):
        return conversation
    end = end_of_branch(conversation, Tree.of(conversation))
    reply = Reply.objects.select_related("conversation").filter(pk=end).first() if end else None
    if reply is None or not is_summarised(conversation) or _plan(reply, is_asked_for=True) is None:
        raise NothingToSummarise(_("There are no earlier turns that are not summarised yet."))
    if not jobs.enqueue_compaction(reply.pk, is_asked_for=True):
        raise Refused(_("This did not get through. Please try again."))
    return conversation


async def compact(reply_id: UUID, *, is_asked_for: bool = False) -> None:
    """Summarise what was said before this answer, as far as it does not fit any more, or all of it if asked for.

    Safe to run twice, late, or for an answer that is gone.
    """
    if not is_asked_for and not await sync_to_async(is_due)(reply_id):
        return
    reply = await Reply.objects.select_related("conversation__owner__preferences").filter(pk=reply_id).afirst()
    if reply is None or reply.is_unread or not await sync_to_async(is_summarised)(reply.conversation):
        return
    try:
        endpoint = (await sync_to_async(serving.in_production)()).endpoint
        async with wiring.turn_services(person_id=reply.conversation.owner_id, endpoint=endpoint) as services:
            for _step in range(MAX_STEPS):
                if not await _step_on(reply, services, is_asked_for=is_asked_for):
                    break
    except (ModelUnavailable, ModelRefused, GuardUnavailable, Ended, TemporaryAway) as error:
        logger.info("compaction_left_out", extra={"reply_id": str(reply_id), "code": error.code})
    finally:
        if is_asked_for:  # whoever asked sees that it is over, whatever came of it
            await hints.window_changed(reply.conversation.owner_id, conversation_id=reply.conversation_id)


async def _step_on(reply: Reply, services: TurnServices, *, is_asked_for: bool) -> bool:
    """Write one summary; whether there is more to be done."""
    plan = await sync_to_async(_plan)(reply, is_asked_for=is_asked_for)
    if plan is None:
        return False
    conversation = reply.conversation
    claimed = await sync_to_async(summaries.claim)(conversation, plan.covered)
    if claimed is None:
        return False
    is_kept, text = False, ""
    try:
        await hints.window_changed(conversation.owner_id, conversation_id=conversation.pk)
        text = await _unless_wanted(conversation.pk, _written(plan, services, reply.seed))
        is_kept = await sync_to_async(summaries.keep)(claimed, conversation, text)
    except _Interrupted:
        logger.info("compaction_interrupted", extra={"reply_id": str(reply.pk)})
    finally:
        if not is_kept:
            await sync_to_async(summaries.give_up)(claimed)
        await hints.window_changed(conversation.owner_id, conversation_id=conversation.pk)
    logger.info("compaction_ended", extra={"reply_id": str(reply.pk), "is_kept": is_kept, "num_chars": len(text)})
    return is_kept and bool(text)


def _plan(reply: Reply, *, is_asked_for: bool) -> _Plan | None:
    """What to summarise next of the branch that ends in this reply; None if there is nothing to do."""
    path = branch(reply.conversation, leaf=reply)
    states = summaries.states_of(path)
    placed = summaries.placed_in(states)
    num_covered = placed.num_turns if placed else 0
    room = settings.TURNS.context_tokens - settings.TURNS.max_reply_tokens
    said = [(place, _as_pair(turn), tokens) for place, turn, tokens in _said_in(path) if place >= num_covered]
    keep = 0
    if not is_asked_for:
        num_failed = summaries.failed_in(states)
        if num_failed > num_covered and sum(tokens for place, _, tokens in said if place >= num_failed) < room // 2:
            return None
        keep = tokens_to_keep(Filled(**reply.filled)) if reply.filled else room // 2
    num = num_to_cover([tokens for _, _, tokens in said], keep=keep)
    if num == 0:
        return None
    before = placed.summary.text if placed else ""
    request, told = summary_request(before, [pair for _, pair, _ in said[:num]], room=room)
    covered = states[: said[len(told) - 1][0] + 1]
    return _Plan(covered=covered, before=before, told=told, request=request)


def _said_in(path: Sequence[tuple[Message, Reply]]) -> list[tuple[int, tuple[Message, Reply], int]]:
    """The turns that the model reads, each with its place in the branch and its tokens."""
    found = []
    for place, turn in enumerate(path):
        messages = messages_of([turn])
        if messages:
            found.append((place, turn, sum(map(message_tokens, messages))))
    return found


def _as_pair(turn: tuple[Message, Reply]) -> tuple[str, str]:
    return turn[0].text, turn[1].text


async def _written(plan: _Plan, services: TurnServices, seed: int) -> str:
    """The summary, or "" if none came that may and can be used."""
    request = GenerationRequest(
        messages=plan.request,
        continues=False,
        max_tokens=max_summary_tokens(settings.TURNS.context_tokens - settings.TURNS.max_reply_tokens),
        temperature=0.0,
        top_p=1.0,
        seed=seed,
    )
    async with aclosing(services.model.stream(request)) as pieces:
        said = "".join([piece.text async for piece in pieces if isinstance(piece, GeneratedPiece)])
    summary = read_summary(said, "\n".join((plan.before, *(text for pair in plan.told for text in pair))))
    if not summary:
        return ""
    question, _answer = plan.told[-1]
    conversation = (ChatMessage(role="user", text=question), ChatMessage(role="assistant", text=summary))
    return "" if (await services.guard.check(conversation)).blocks else summary


def _is_wanted(conversation_id: UUID) -> bool:
    return summaries.is_talked_in(conversation_id) or summaries.is_anybody_waiting()


async def _unless_wanted(conversation_id: UUID, writing: Coroutine[None, None, str]) -> str:
    """What is written; "" if that takes longer than PATIENCE_S. Raises _Interrupted as soon as somebody talks in the
    conversation, or waits for a worker in any."""
    task = asyncio.ensure_future(writing)
    clock = asyncio.get_running_loop().time
    until = clock() + PATIENCE_S
    try:
        while not (await asyncio.wait({task}, timeout=LOOK_EVERY_S))[0]:
            if await sync_to_async(_is_wanted)(conversation_id):
                raise _Interrupted
            if clock() > until:
                return ""
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
