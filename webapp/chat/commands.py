"""What a browser may say on the socket, parsed once at the edge."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from webapp.chat.cursor import Cursor
from webapp.chat.errors import MalformedCommand
from webapp.chat.models import Message

MAX_FRAME_CHARS = 64_000
MAX_ATTACHMENTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    turn_id: UUID
    conversation_id: UUID | None
    parent_id: UUID | None
    text: str
    is_temporary: bool
    attachments: tuple[UUID, ...]
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    turn_id: UUID
    conversation_id: UUID
    text: str
    attachments: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unqueue:
    turn_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SendNow:
    turn_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    reply_id: UUID
    cursor: Cursor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    reply_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    reply_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    reply_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Continue:
    reply_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    pass


Command = Send | Queue | Unqueue | SendNow | Subscribe | Unsubscribe | Stop | Retry | Continue | Ping


def parse_command(frame: str) -> Command:
    """Raises MalformedCommand, which says what is wrong and repeats nothing of the frame."""
    if len(frame) > MAX_FRAME_CHARS:
        raise MalformedCommand(f"A frame may have {MAX_FRAME_CHARS:,} characters.")
    try:
        fields = json.loads(frame)
    except (ValueError, RecursionError):
        raise MalformedCommand("A frame is one JSON object.") from None
    if not isinstance(fields, dict):
        raise MalformedCommand("A frame is one JSON object.")
    build = _BUILDERS.get(str(fields.get("type")))
    if build is None:
        raise MalformedCommand(f"The type of a command is one of {', '.join(_BUILDERS)}.")
    return build(fields)


def _uuid(fields: Mapping[str, Any], name: str) -> UUID:
    value = fields.get(name)
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise MalformedCommand(f"`{name}` must be a UUID.") from None


def _optional_uuid(fields: Mapping[str, Any], name: str) -> UUID | None:
    return None if fields.get(name) is None else _uuid(fields, name)


def _uuids(fields: Mapping[str, Any], name: str, *, most: int) -> tuple[UUID, ...]:
    """Each once, in order; none where the field is missing."""
    values = fields.get(name) or []
    if not isinstance(values, list) or len(values) > most:
        raise MalformedCommand(f"`{name}` must be a list of at most {most} UUIDs.")
    return tuple(dict.fromkeys(_uuid({name: value}, name) for value in values))


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise MalformedCommand(f"`{name}` must be a text.")
    # A lone surrogate or a NUL cannot be stored; neither is anything a person means.
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def _origin(fields: Mapping[str, Any]) -> str:
    """What was clicked to send it; empty where it was written."""
    value = fields.get("origin") or ""
    if value and value not in Message.Origin.values:
        raise MalformedCommand(f"`origin` must be one of {', '.join(Message.Origin.values)}.")
    return str(value)


def _optional_cursor(fields: Mapping[str, Any]) -> Cursor | None:
    value = fields.get("cursor")
    if value is None:
        return None
    try:
        return Cursor.parse(value if isinstance(value, str) else "")
    except ValueError:
        raise MalformedCommand("`cursor` must be of the form epoch-index.") from None


_BUILDERS: dict[str, Callable[[Mapping[str, Any]], Command]] = {
    "send": lambda fields: Send(
        turn_id=_uuid(fields, "turn_id"),
        conversation_id=_optional_uuid(fields, "conversation"),
        parent_id=_optional_uuid(fields, "parent"),
        text=_text(fields, "text"),
        is_temporary=fields.get("temporary") is True,
        attachments=_uuids(fields, "attachments", most=MAX_ATTACHMENTS),
        origin=_origin(fields),
    ),
    "queue": lambda fields: Queue(
        turn_id=_uuid(fields, "turn_id"),
        conversation_id=_uuid(fields, "conversation"),
        text=_text(fields, "text"),
        attachments=_uuids(fields, "attachments", most=MAX_ATTACHMENTS),
    ),
    "unqueue": lambda fields: Unqueue(turn_id=_uuid(fields, "turn_id")),
    "send_now": lambda fields: SendNow(turn_id=_uuid(fields, "turn_id")),
    "subscribe": lambda fields: Subscribe(reply_id=_uuid(fields, "reply"), cursor=_optional_cursor(fields)),
    "unsubscribe": lambda fields: Unsubscribe(reply_id=_uuid(fields, "reply")),
    "stop": lambda fields: Stop(reply_id=_uuid(fields, "reply")),
    "retry": lambda fields: Retry(reply_id=_uuid(fields, "reply")),
    "continue": lambda fields: Continue(reply_id=_uuid(fields, "reply")),
    "ping": lambda fields: Ping(),
}

COMMANDS = tuple(_BUILDERS)
