"""The chat socket. Parses commands, calls one service for each, and forwards what followed replies say."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import translation
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from assistant import events
from webapp.accounts.models import User
from webapp.accounts.services.country import remember_country
from webapp.accounts.services.device import remember_device
from webapp.accounts.services.language import language_of, remember_language
from webapp.chat import commands, hints, turn_log
from webapp.chat.announcing import announce_turn
from webapp.chat.errors import ChatError, MalformedCommand, NotFound, Refused
from webapp.chat.following import follow
from webapp.chat.models import Reply
from webapp.chat.services import attachments, limits, queueing, turns
from webapp.chat.services.conversations import reply_for
from webapp.chat.services.turns import Accepted

logger = logging.getLogger(__name__)

CLOSE_NOT_ALLOWED = 4401
MAX_FOLLOWED = 32


class ChatConsumer(AsyncWebsocketConsumer):
    """One open page. Each followed reply streams in a task of its own, so a "stop" always gets through."""

    person: User | None = None
    _following: dict[UUID, asyncio.Task[None]]

    async def connect(self) -> None:
        self._following = {}
        await self.accept()
        self.person = self.scope["person"]
        if self.person is None:
            await self.close(CLOSE_NOT_ALLOWED)
            return
        await database_sync_to_async(_remember_browser)(self.person, self._headers)
        await self._join_hints(self.person)
        await self._send({"type": "hello", "version": events.VERSION, "limits": await _limits(self.person)})

    async def disconnect(self, code: int) -> None:
        for task in self._following.values():
            task.cancel()
        if self.person is not None:
            try:
                await self.channel_layer.group_discard(hints.group_of(self.person.pk), self.channel_name)
            except (RedisError, OSError):
                logger.info("hints_away")

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            if text_data is None:
                raise MalformedCommand("A frame is text.")
            command = commands.parse_command(text_data)
        except MalformedCommand as error:
            await self._send({"type": "error", "code": error.code, "text": error.user_text})
            return
        person = await self._current_person()
        if person is None:
            await self.close(CLOSE_NOT_ALLOWED)
            return
        with translation.override(language_of(person)):
            try:
                await self._carry_out(command, person)
            except ChatError as error:
                await self._send({"type": "error", "code": error.code, "text": error.user_text})

    async def hint(self, message: Mapping[str, Any]) -> None:
        """A hint from the channel layer."""
        await self._send(message["hint"])

    async def _carry_out(self, command: commands.Command, person: User) -> None:
        match command:
            case commands.Send():
                await self._send_turn(command, person)
            case commands.Queue():
                await self._queue(command, person)
            case commands.Unqueue(turn_id=turn_id):
                await self._unqueue(turn_id, person)
            case commands.SendNow(turn_id=turn_id):
                await self._send_now(turn_id, person)
            case commands.Subscribe(reply_id=reply_id, cursor=cursor):
                await database_sync_to_async(reply_for)(person, reply_id)
                self._unfollow(reply_id)
                if len(self._following) >= MAX_FOLLOWED:
                    raise MalformedCommand(f"One page can follow {MAX_FOLLOWED} answers.")
                self._following[reply_id] = asyncio.create_task(self._follow(reply_id, cursor))
            case commands.Unsubscribe(reply_id=reply_id):
                self._unfollow(reply_id)
            case commands.Stop(reply_id=reply_id):
                await self._stop(reply_id, person)
            case commands.Retry(reply_id=reply_id):
                await self._announce(await database_sync_to_async(turns.retry)(person=person, reply_id=reply_id))
            case commands.Continue(reply_id=reply_id):
                await self._announce(await database_sync_to_async(turns.go_on)(person=person, reply_id=reply_id))
            case commands.Ping():
                await self._send({"type": "pong"})

    async def _send_turn(self, command: commands.Send, person: User) -> None:
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
            await self._refuse(command.turn_id, error, person)
        else:
            await self._announce(accepted)
            await self._tell_what_is_missing(command.attachments, person)

    async def _queue(self, command: commands.Queue, person: User) -> None:
        try:
            sent = await database_sync_to_async(queueing.queue)(
                person=person,
                turn_id=command.turn_id,
                conversation_id=command.conversation_id,
                text=command.text,
                attachments=command.attachments,
            )
        except (Refused, NotFound) as error:
            await self._refuse(command.turn_id, error, person)
            return
        await self._tell_what_is_missing(command.attachments, person)
        if sent is not None:
            await self._announce(sent)
            return
        queued = {"turn_id": str(command.turn_id), "conversation": str(command.conversation_id)}
        await self._send({"type": "queued", **queued})
        await hints.queue_changed(person.pk, conversation_id=command.conversation_id)

    async def _unqueue(self, turn_id: UUID, person: User) -> None:
        """Say whether it was too late: what was not sent goes back into the field of the page that asked."""
        conversation_id = await database_sync_to_async(queueing.take_out)(person=person, turn_id=turn_id)
        was_sent = await database_sync_to_async(queueing.was_sent)(person=person, turn_id=turn_id)
        await self._send({"type": "unqueued", "turn_id": str(turn_id), "sent": was_sent})
        if conversation_id is not None:
            await hints.queue_changed(person.pk, conversation_id=conversation_id)

    async def _send_now(self, turn_id: UUID, person: User) -> None:
        conversation_id, sent = await database_sync_to_async(queueing.send_now)(person=person, turn_id=turn_id)
        if sent is not None:
            await self._announce(sent)
        await hints.queue_changed(person.pk, conversation_id=conversation_id)

    async def _tell_what_is_missing(self, attached: Sequence[UUID], person: User) -> None:
        """The message went, but without a document that was deleted, or never was theirs."""
        if attached and await database_sync_to_async(attachments.are_missing)(person, attached):
            text = _("A file is not in your library any more, so your message went without it.")
            await self._send({"type": "error", "code": "attachment_missing", "text": text})

    async def _refuse(self, turn_id: UUID, error: ChatError, person: User) -> None:
        await self._send(
            {
                "type": "refused",
                "turn_id": str(turn_id),
                "code": error.code,
                "text": error.user_text,
                "retry_after_s": error.retry_after_s,
                "limits": await _limits(person),
            }
        )

    async def _announce(self, accepted: Accepted) -> None:
        """Acknowledge what is committed, then set the worker going and tell the other pages."""
        await self._send(
            {
                "type": "ack",
                "turn_id": str(accepted.turn_id),
                "conversation": str(accepted.conversation_id),
                "reply": str(accepted.reply_id),
                "parent": str(accepted.parent_id) if accepted.parent_id else None,
                "limits": await _limits(self.person),
            }
        )
        if accepted.is_new:
            await announce_turn(accepted)

    async def _stop(self, reply_id: UUID, person: User) -> None:
        ending = await database_sync_to_async(turns.stop)(person=person, reply_id=reply_id)
        if ending is None:
            return
        redis = turn_log.connect()
        try:
            await turn_log.append(redis, ending.reply_id, ending.cursor, ending.events, final=True)
        finally:
            await redis.aclose()

    async def _follow(self, reply_id: UUID, cursor: Any) -> None:
        try:
            async for event in follow(reply_id, cursor):
                await self._send({**event, "reply": str(reply_id)})
        except Reply.DoesNotExist:
            await self._send({"type": "error", "code": NotFound.code, "text": NotFound().user_text})
        except Exception:
            # The page resubscribes with its cursor; what it shows is right as far as it goes.
            logger.exception("following_failed", extra={"reply_id": str(reply_id)})
            await self.close(1011)
        finally:
            if self._following.get(reply_id) is asyncio.current_task():
                del self._following[reply_id]

    def _unfollow(self, reply_id: UUID) -> None:
        task = self._following.pop(reply_id, None)
        if task is not None:
            task.cancel()

    @property
    def _headers(self) -> Mapping[str, str]:
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.scope["headers"]}

    async def _current_person(self) -> User | None:
        """The person as they are now: somebody who was deleted, switched off or logged out here says nothing more.

        Nor somebody whose password another has chosen, until they choose one.
        """
        session = self.scope.get("session")
        if self.person is None or (session is not None and not await session.aexists(session.session_key)):
            return None
        people = User.objects.select_related("preferences")  # they choose the language
        return await people.filter(pk=self.person.pk, is_active=True, must_change_password=False).afirst()

    async def _join_hints(self, person: User) -> None:
        try:
            await self.channel_layer.group_add(hints.group_of(person.pk), self.channel_name)
        except (RedisError, OSError):
            logger.info("hints_away")

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self.send(text_data=json.dumps(message, ensure_ascii=False))


@database_sync_to_async
def _limits(person: User | None) -> dict[str, Any] | None:
    return limits.to_wire(limits.left(person)) if person is not None else None


def _remember_browser(person: User, headers: Mapping[str, str]) -> None:
    accept_language = headers.get("accept-language", "")
    remember_country(person, accept_language)
    remember_language(person, accept_language)
    remember_device(person, headers)
