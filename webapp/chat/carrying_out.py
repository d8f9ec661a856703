"""Carries out what a page says, however it is said: one service for each command, and what the page is told of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.accounts.services.clock import zone_of
from webapp.accounts.services.language import language_of
from webapp.chat import commands, hints, turn_log
from webapp.chat.announcing import announce_turn
from webapp.chat.errors import ChatError, MalformedCommand, NotFound, Refused
from webapp.chat.services import attachments, limits, queueing, turns
from webapp.chat.services.turns import Accepted

Tell = Callable[[Mapping[str, Any]], Awaitable[None]]
Following = Callable[[commands.Subscribe | commands.Unsubscribe, User], Awaitable[None]]


async def carry_out(frame: str, person: User, tell: Tell, *, following: Following | None = None) -> None:
    """One command of this person. `following` does what it says about following; without it that cannot be asked for.

    Whatever is wrong with the command is told, too, in the person's language and by their clock.
    """
    language = await database_sync_to_async(language_of)(person)
    with translation.override(language), timezone.override(zone_of(person)):
        try:
            await _carry_out(commands.parse_command(frame), person, tell, following)
        except ChatError as error:
            await tell(error_message(error))


def error_message(error: ChatError) -> dict[str, Any]:
    return {"type": "error", "code": error.code, "text": error.user_text}


@database_sync_to_async
def limits_of(person: User) -> dict[str, Any] | None:
    return limits.to_wire(limits.left(person))


async def _carry_out(command: commands.Command, person: User, tell: Tell, following: Following | None) -> None:
    match command:
        case commands.Send():
            await _send(command, person, tell)
        case commands.Queue():
            await _queue(command, person, tell)
        case commands.Unqueue(turn_id=turn_id):
            await _unqueue(turn_id, person, tell)
        case commands.SendNow(turn_id=turn_id):
            await _send_now(turn_id, person, tell)
        case commands.Subscribe() | commands.Unsubscribe():
            if following is None:
                raise MalformedCommand("What is followed is said in the address of the stream.")
            await following(command, person)
        case commands.Stop(reply_id=reply_id):
            await _stop(reply_id, person)
        case commands.Retry(reply_id=reply_id):
            await _announce(await database_sync_to_async(turns.retry)(person=person, reply_id=reply_id), person, tell)
        case commands.Continue(reply_id=reply_id):
            await _announce(await database_sync_to_async(turns.go_on)(person=person, reply_id=reply_id), person, tell)
        case commands.Ping():
            await tell({"type": "pong"})


async def _send(command: commands.Send, person: User, tell: Tell) -> None:
    try:
        accepted = await database_sync_to_async(turns.send)(
            person=person,
            turn_id=command.turn_id,
            conversation_id=command.conversation_id,
            parent_id=command.parent_id,
            text=command.text,
            is_temporary=command.is_temporary,
            attachments=command.attachments,
            origin=command.origin,
        )
    except (Refused, NotFound) as error:
        await _refuse(command.turn_id, error, person, tell)
    else:
        await _announce(accepted, person, tell)
        await _tell_what_is_missing(command.attachments, person, tell)


async def _queue(command: commands.Queue, person: User, tell: Tell) -> None:
    try:
        sent = await database_sync_to_async(queueing.queue)(
            person=person,
            turn_id=command.turn_id,
            conversation_id=command.conversation_id,
            text=command.text,
            attachments=command.attachments,
        )
    except (Refused, NotFound) as error:
        await _refuse(command.turn_id, error, person, tell)
        return
    await _tell_what_is_missing(command.attachments, person, tell)
    if sent is not None:
        await _announce(sent, person, tell)
        return
    await tell({"type": "queued", "turn_id": str(command.turn_id), "conversation": str(command.conversation_id)})
    await hints.queue_changed(person.pk, conversation_id=command.conversation_id)


async def _unqueue(turn_id: UUID, person: User, tell: Tell) -> None:
    """Say whether it was too late: what was not sent goes back into the field of the page that asked."""
    conversation_id = await database_sync_to_async(queueing.take_out)(person=person, turn_id=turn_id)
    was_sent = await database_sync_to_async(queueing.was_sent)(person=person, turn_id=turn_id)
    await tell({"type": "unqueued", "turn_id": str(turn_id), "sent": was_sent})
    if conversation_id is not None:
        await hints.queue_changed(person.pk, conversation_id=conversation_id)


async def _send_now(turn_id: UUID, person: User, tell: Tell) -> None:
    conversation_id, sent = await database_sync_to_async(queueing.send_now)(person=person, turn_id=turn_id)
    if sent is not None:
        await _announce(sent, person, tell)
    await hints.queue_changed(person.pk, conversation_id=conversation_id)


async def _tell_what_is_missing(attached: Sequence[UUID], person: User, tell: Tell) -> None:
    """The message went, but without a document that was deleted, or never was theirs."""
    if attached and await database_sync_to_async(attachments.are_missing)(person, attached):
        text = _("A file is not in your library any more, so your message went without it.")
        await tell({"type": "error", "code": "attachment_missing", "text": text})


async def _refuse(turn_id: UUID, error: ChatError, person: User, tell: Tell) -> None:
    await tell(
        {
            "type": "refused",
            "turn_id": str(turn_id),
            "code": error.code,
            "text": error.user_text,
            "retry_after_s": error.retry_after_s,
            "limits": await limits_of(person),
        }
    )


async def _announce(accepted: Accepted, person: User, tell: Tell) -> None:
    """Acknowledge what is committed, then set the worker going and tell the other pages."""
    await tell(
        {
            "type": "ack",
            "turn_id": str(accepted.turn_id),
            "conversation": str(accepted.conversation_id),
            "reply": str(accepted.reply_id),
            "parent": str(accepted.parent_id) if accepted.parent_id else None,
            "limits": await limits_of(person),
        }
    )
    if accepted.is_new:
        await announce_turn(accepted)


async def _stop(reply_id: UUID, person: User) -> None:
    ending = await database_sync_to_async(turns.stop)(person=person, reply_id=reply_id)
    if ending is None:
        return
    redis = turn_log.connect()
    try:
        await turn_log.append(redis, ending.reply_id, ending.cursor, ending.events, final=True)
    finally:
        await redis.aclose()
