"""Runs one turn as its owner: claim, load, run, and decide what a failure means."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db.models import F
from django.utils import timezone, translation
from redis.asyncio import Redis

from assistant.errors import AssistantError, GuardUnavailable, ModelRefused, ModelUnavailable, PromptTooLong
from assistant.ports import ChatMessage, Passage
from assistant.prompt import count_tokens
from assistant.prompt_text import fill
from assistant.reply import Written
from assistant.turn import Turn, TurnConfig, TurnRunner
from webapp import jobs, wiring
from webapp.accounts.services.clock import zone_of
from webapp.accounts.services.country import country_for
from webapp.accounts.services.language import language_of
from webapp.chat import turn_log
from webapp.chat.announcing import send_next
from webapp.chat.errors import Ended, TemporaryAway
from webapp.chat.models import Conversation, Reply
from webapp.chat.services import compacting, ownership, support, temporary
from webapp.chat.services.attachments import attached_to
from webapp.chat.services.conversations import check_not_ended
from webapp.chat.services.endings import INTERNAL_ERROR
from webapp.chat.services.history import context_of, is_summarised, messages_of, summary_of, turns_before
from webapp.chat.services.input_guard import has_passed
from webapp.chat.services.journal import ReplyJournal
from webapp.chat.services.ownership import Claim, TurnLost
from webapp.chat.services.personal import MessageMemories, memories_used, personal_of
from webapp.chat.services.pictures import ReplyAlbum
from webapp.chat.services.steps import ended_steps, load_step
from webapp.experiments.services import exposures, serving, variables
from webapp.experiments.services.serving import Served
from webapp.library.services.search import USUAL, Attached, Nearness
from webapp.personal.services.preferences import preferences_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    reply: Reply
    turn: Turn
    attached: Attached
    served: Served
    country: str
    language: str

    def system_prompt(self, model_name: str) -> str:
        known = variables.values(at=self.reply.created_at, language=self.language, model=model_name)
        return fill(self.served.system_prompt, known)

    def note_exposures(self) -> None:
        """From when the turn began, so that it is in what is measured and not in the time before."""
        exposures.record(self.reply.conversation.owner, self.served.exposed, at=self.reply.created_at)


async def run_turn(reply_id: UUID) -> None:
    """Bring the reply as far as it gets. Safe to run twice, late, or for a reply that is gone."""
    claim = await sync_to_async(ownership.claim)(reply_id)
    if claim is None:
        return
    redis = turn_log.connect()
    try:
        loaded = await sync_to_async(_load)(claim)
        reply = loaded.reply
        journal = ReplyJournal(
            claim,
            redis,
            created_at=reply.created_at,
            country=loaded.country,
            notices=reply.notices,
            steps=reply.steps,
            on_used=loaded.note_exposures,
        )
        journal.mark("claimed")
        with translation.override(loaded.language), timezone.override(zone_of(reply.conversation.owner)):
            await _run(loaded, claim, journal)
        if await Reply.objects.active().filter(pk=reply_id).aexists():
            return  # handed back: it ends another time
        await send_next(reply.conversation_id)
        await sync_to_async(jobs.enqueue_touches, thread_sensitive=False)(reply_id)
        if await sync_to_async(support.is_due)(reply_id):
            await sync_to_async(jobs.enqueue_support_check, thread_sensitive=False)(reply_id)
        await _summarise_if_due(reply_id)
        await sync_to_async(jobs.enqueue_embedding, thread_sensitive=False)(reply.conversation_id)
    except TurnLost:
        logger.info("turn_lost", extra={"reply_id": str(reply_id), "epoch": claim.epoch})
        await _summarise_if_due(reply_id)  # perhaps it was stopped
    except Ended:
        logger.info("temporary_chat_ended", extra={"reply_id": str(reply_id), "epoch": claim.epoch})
        await sync_to_async(temporary.end)(Conversation.objects.filter(replies=reply_id))
    except TemporaryAway:  # its lease runs out, and it is tried again
        logger.warning("turn_unreadable", extra={"reply_id": str(reply_id), "epoch": claim.epoch})
    finally:
        await _forget_log_if_erased(redis, reply_id)
        await redis.aclose()


async def _forget_log_if_erased(redis: Redis, reply_id: UUID) -> None:
    """What was published after its chat was erased has made the log anew."""
    if not await Reply.objects.filter(pk=reply_id).aexists():
        await turn_log.forget(redis, reply_id)


async def _summarise_if_due(reply_id: UUID) -> None:
    if await sync_to_async(compacting.is_due)(reply_id):
        await sync_to_async(jobs.enqueue_compaction, thread_sensitive=False)(reply_id)


async def _run(loaded: _Loaded, claim: Claim, journal: ReplyJournal) -> None:
    reply, served = loaded.reply, loaded.served
    try:
        async with (
            _counted(loaded),
            wiring.turn_services(
                person_id=reply.conversation.owner_id,
                attached=loaded.attached,
                endpoint=served.endpoint,
                nearness=nearness_of(served),
                album=ReplyAlbum(claim),
            ) as services,
        ):
            await sync_to_async(ownership.write)(
                claim,
                model_id=services.model_id,
                prompt_version=served.prompt_version,
                arm=served.arm,
                steps=reply.steps,
            )
            runner = TurnRunner(
                model=services.model,
                guard=services.guard,
                code_shield=services.code_shield,
                index=services.index,
                journal=journal,
                config=replace(turn_config(served, calls_tools=services.calls_tools), code=services.code_rule),
                tools=services.tools,
                memory=MessageMemories(reply.message),
            )
            turn = replace(
                loaded.turn,
                system_prompt=loaded.system_prompt(services.model_name),
                canary=services.canary_of(reply.created_at.date()),
            )
            await runner.run(turn)
    except (ModelUnavailable, GuardUnavailable) as error:
        if ownership.has_waited_too_long(reply):
            await _fail(claim, journal, error.code)
        else:
            if isinstance(error, GuardUnavailable) and reply.waiting_since is None:
                logger.warning("turn_waits_for_guard", extra={"reply_id": str(claim.reply_id), "error": str(error)})
            await journal.hand_back()
    except (ModelRefused, PromptTooLong) as error:
        await _fail(claim, journal, error.code)
    except (TurnLost, Ended, TemporaryAway):
        raise
    except AssistantError as error:
        await _fail(claim, journal, error.code)
    except Exception:
        logger.exception("turn_failed", extra={"reply_id": str(claim.reply_id), "epoch": claim.epoch})
        await _fail_or_try_again(claim, journal, reply)
    else:
        logger.info(
            "turn_finished",
            extra={"reply_id": str(claim.reply_id), "epoch": claim.epoch, **journal.summary},
        )


@asynccontextmanager
async def _counted(loaded: _Loaded) -> AsyncGenerator[None, None]:
    """Who got no answer counts, too: a prompt that is too long or a server that is away may be the arm's doing, and
    without these people the arms would not be alike. A guard that is away is no arm's, nor are keys that are."""
    try:
        yield
    except (GuardUnavailable, TurnLost, Ended, TemporaryAway):
        raise
    except Exception:
        await sync_to_async(loaded.note_exposures)()
        raise


async def _fail_or_try_again(claim: Claim, journal: ReplyJournal, reply: Reply) -> None:
    if reply.failures + 1 >= settings.TURNS.max_failures:
        await _fail(claim, journal, INTERNAL_ERROR)
        return
    await sync_to_async(ownership.write)(claim, failures=F("failures") + 1)
    await journal.hand_back()


async def _fail(claim: Claim, journal: ReplyJournal, error_code: str) -> None:
    logger.warning("turn_ended_with_error", extra={"reply_id": str(claim.reply_id), "code": error_code})
    ending = await sync_to_async(ownership.fail)(claim, error_code)
    if ending is not None:
        await journal.publish(ending)


def _load(claim: Claim) -> _Loaded:
    replies = Reply.objects.select_related("message", "conversation__owner__preferences", "continued_from")
    reply = replies.get(pk=claim.reply_id)
    reply.steps = [] if reply.passages is None else ended_steps(reply.steps)
    passages = None if reply.passages is None else tuple(Passage(**passage) for passage in reply.passages)
    check_not_ended(reply.conversation)
    given = reply.continued_from
    owner, is_temporary = reply.conversation.owner, reply.conversation.is_temporary
    personal = personal_of(owner, is_temporary=is_temporary)
    if passages is not None:  # the prompt of an earlier attempt: what it was made of stands
        personal = replace(personal, memories=memories_used(reply.used))
    # Another answer to the same message does not remember again what its person may have made it forget.
    is_first = not reply.message.replies.filter(created_at__lt=reply.created_at).exists()
    earlier = turns_before(reply)
    turn = Turn(
        history=(*messages_of(earlier), ChatMessage(role="user", text=reply.message.text)),
        context=tuple(context_of(earlier)),
        summary=summary_of(earlier) if is_summarised(reply.conversation) else None,
        written=Written(text=reply.text, token_ids=tuple(reply.token_ids), num_unchecked=reply.unchecked_chars),
        input_checked=has_passed(reply),
        passages=passages,
        seed=reply.seed,
        personal=personal,
        remembers=preferences_of(owner).uses_memory and not is_temporary and is_first,
        steps=tuple(map(load_step, reply.steps)),
        num_given=count_tokens(given.text, given.token_ids) if given else 0,
    )
    country = country_for(reply.conversation.owner_id, default=settings.TURNS.default_country)
    language = language_of(reply.conversation.owner)
    return _Loaded(
        reply=reply,
        turn=turn,
        attached=attached_to(reply.message, [message for message, _answer in earlier]),
        served=serving.for_turn(reply),
        country=country,
        language=language,
    )


def turn_config(served: Served, *, calls_tools: bool) -> TurnConfig:
    """The settings, and what is served otherwise. A long answer leaves half of the window to the question."""
    turns = settings.TURNS
    usual = TurnConfig(
        context_tokens=turns.context_tokens,
        max_reply_tokens=turns.max_reply_tokens,
        temperature=turns.temperature,
        top_p=turns.top_p,
        num_passages=turns.num_passages,
        flush_interval_s=turns.flush_interval_s,
        streaming=turns.streaming,
        calls_tools=calls_tools,
        guard_late_s=turns.guard_late_s,
        guard_timeout_s=turns.guard_timeout_s,
    )
    wanted: dict[str, Any] = {
        "temperature": served.temperature,
        "top_p": served.top_p,
        "max_reply_tokens": served.max_reply_tokens and min(served.max_reply_tokens, turns.context_tokens // 2),
        "num_passages": served.num_passages,
        "passage_tokens": served.passage_tokens,
    }
    return replace(usual, **_said(wanted))


def nearness_of(served: Served) -> Nearness:
    """Which passages are quoted: as the library has it, and what is served otherwise."""
    wanted: dict[str, Any] = {
        "min_similarity": served.min_similarity,
        "min_share_of_best": served.similarity_to_best,
        "max_per_document": served.passages_per_document,
    }
    return replace(USUAL, **_said(wanted))


def _said(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if value is not None}
