"""The chat socket: what a page says is carried out in order, and what followed replies say is forwarded."""

import json
from collections.abc import Mapping
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import translation
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.accounts.services.language import language_of
from webapp.chat import commands
from webapp.chat.carrying_out import carry_out, error_message
from webapp.chat.connections import greet, is_slow_enough, part, person_now
from webapp.chat.errors import MalformedCommand, TooFast
from webapp.chat.followed import Followed

CLOSE_NOT_ALLOWED = 4401
CLOSE_TOO_FAST = 4429


class ChatConsumer(AsyncWebsocketConsumer):
    """One open page."""

    person: User | None = None

    async def connect(self) -> None:
        self._followed = Followed(self._tell, self._break_off)
        await self.accept()
        self.person = self.scope["person"]
        if self.person is None:
            await self.close(CLOSE_NOT_ALLOWED)
            return
        await self._tell(await greet(self, self.person))

    async def disconnect(self, code: int) -> None:
        self._followed.close()
        if self.person is not None:
            await part(self, self.person)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data is None:
            await self._tell(error_message(MalformedCommand("A frame is text.")))
            return
        person = await person_now(self.scope)
        if person is None:
            await self.close(CLOSE_NOT_ALLOWED)
        elif await self._is_slow_enough(person):
            await carry_out(text_data, person, self._tell, following=self._change_followed)

    async def hint(self, message: Mapping[str, Any]) -> None:
        """A hint from the channel layer."""
        await self._tell(message["hint"])

    async def _is_slow_enough(self, person: User) -> bool:
        """Else the socket is closed."""
        if await is_slow_enough(person):
            return True
        with translation.override(language_of(person)):
            await self._tell(error_message(TooFast(_("This was too much at once. Please wait a moment."))))
        await self.close(CLOSE_TOO_FAST)
        return False

    async def _change_followed(self, command: commands.Subscribe | commands.Unsubscribe, person: User) -> None:
        if isinstance(command, commands.Subscribe):
            await self._followed.add(person, command.reply_id, command.cursor)
        else:
            self._followed.remove(command.reply_id)

    async def _break_off(self) -> None:
        await self.close(1011)

    async def _tell(self, message: Mapping[str, Any]) -> None:
        await self.send(text_data=json.dumps(message, ensure_ascii=False))
