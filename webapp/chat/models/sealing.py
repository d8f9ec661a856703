"""Words of temporary chats: sealed on their way into the database, opened on their way out, in every row that has any.

    row in memory: words ──save, update──▶ AES-GCM under the key of the turn ──▶ database, its log, every backup
         ▲                                                                          │
         └── words, or nothing where the key is gone (`is_unread`) ◀──from_db───────┘

Rows of other chats, and what is empty, are stored as they are. Each sealed value says to which turn it belongs, and
opens in its own row and column only.
"""

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, ClassVar, Final, Self, TypeVar, cast
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from webapp.chat import temporary_keys
from webapp.chat.errors import Ended, TemporaryAway
from webapp.chat.models.conversations import Conversation
from webapp.chat.temporary_keys import Scope

MARK: Final = "\ufdd0"
"""Begins what is sealed: no character, so no text begins with it (`SealedTextField.get_prep_value`)."""
MAGIC: Final = b"\x00cria sealed\x00"
NONCE_BYTES: Final = 12
_NO_TURN: Final = UUID(int=0)
_read: ContextVar[list["WithWords"] | None] = ContextVar("_read", default=None)
"""What is read while a row is refreshed."""
_Row = TypeVar("_Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a column of a temporary chat holds. `body` is the nonce and what follows it."""

    scope: Scope
    body: bytes

    def __str__(self) -> str:
        return "(sealed)"

    @property
    def as_bytes(self) -> bytes:
        return MAGIC + self.scope.conversation_id.bytes + (self.scope.turn_id or _NO_TURN).bytes + self.body

    @property
    def as_text(self) -> str:
        return MARK + base64.urlsafe_b64encode(self.as_bytes[len(MAGIC) :]).decode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Raises ValueError for what was never sealed."""
        conversation_id, turn_id, body = (stored[len(MAGIC) :][part] for part in _PARTS)
        turn = UUID(bytes=turn_id)
        return cls(Scope(UUID(bytes=conversation_id), None if turn == _NO_TURN else turn), body)

    @classmethod
    def from_column(cls, stored: Any) -> Any:
        """What is in a column: sealed, or as it stands. A text from before there was a mark may begin with it."""
        is_sealed = isinstance(stored, str) and stored.startswith(MARK)
        try:
            return cls.from_bytes(MAGIC + base64.urlsafe_b64decode(stored[1:])) if is_sealed else stored
        except ValueError:
            return stored

    @classmethod
    def of(cls, words: bytes, scope: Scope, place: str) -> Self:
        """Raises Ended, and TemporaryAway."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        cipher = AESGCM(temporary_keys.key_of(scope, renews=True))
        return cls(scope, nonce + cipher.encrypt(nonce, words, place.encode()))

    def opened(self, place: str) -> bytes:
        """Raises Ended, also for what was put into another place, and TemporaryAway."""
        nonce, words = self.body[:NONCE_BYTES], self.body[NONCE_BYTES:]
        try:
            return AESGCM(temporary_keys.key_of(self.scope)).decrypt(nonce, words, place.encode())
        except InvalidTag:
            raise Ended from None


_PARTS: Final = (slice(0, 16), slice(16, 32), slice(32, None))


class _SealedField(models.Field):
    """A column that holds words. To the migrations it is an ordinary one."""

    def to_words(self, value: Any) -> bytes:
        raise NotImplementedError

    def from_words(self, words: bytes) -> Any:
        raise NotImplementedError

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        return cast(WithWords, model_instance).stored(self, value)

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        plain = next(base for base in type(self).__mro__ if base.__module__.startswith("django."))
        return name, f"django.db.models.{plain.__name__}", args, kwargs


class SealedTextField(_SealedField, models.TextField):
    def to_words(self, value: str) -> bytes:
        return value.encode()

    def from_words(self, words: bytes) -> str:
        return words.decode()

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Sealed):
            return value.as_text
        prepared = super().get_prep_value(value)
        return prepared.lstrip(MARK) if isinstance(prepared, str) and prepared.startswith(MARK) else prepared

    def from_db_value(self, value: Any, _expression: object, _connection: object) -> Any:
        return Sealed.from_column(value)


class SealedJSONField(_SealedField, models.JSONField):
    def to_words(self, value: Any) -> bytes:
        return json.dumps(value, cls=self.encoder or DjangoJSONEncoder, ensure_ascii=False).encode()

    def from_words(self, words: bytes) -> Any:
        return json.loads(words, cls=self.decoder)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(value.as_text if isinstance(value, Sealed) else value, connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return Sealed.from_column(super().from_db_value(value, expression, connection))


class SealedBinaryField(_SealedField, models.BinaryField):
    def to_words(self, value: Any) -> bytes:
        return bytes(value)

    def from_words(self, words: bytes) -> bytes:
        return words

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(value.as_bytes if isinstance(value, Sealed) else value, connection, prepared)

    def from_db_value(self, value: Any, _expression: object, _connection: object) -> Any:
        return Sealed.from_bytes(bytes(value)) if value is not None and bytes(value[: len(MAGIC)]) == MAGIC else value


class SealedQuerySet(models.QuerySet[_Row]):
    def update(self, **fields: Any) -> int:
        """What is written into temporary chats is sealed for each row. An expression cannot be: it is refused there."""
        model = cast("type[WithWords]", self.model)
        if not model.words_in(fields):
            return super().update(**fields)
        # By their keys, without a join: every condition stays one of the update itself, which other owners race with.
        scopes = {pk: _scope(model, *chat) for pk, *chat in self.order_by().values_list("pk", *_chat(model))}
        num_updated = sum(self._update_sealed(pk, scope, fields) for pk, scope in scopes.items() if scope)
        kept = [pk for pk, scope in scopes.items() if scope is None]
        return num_updated + (super(SealedQuerySet, self.filter(pk__in=kept)).update(**fields) if kept else 0)

    def update_one(self, pk: Any, **fields: Any) -> int:
        """As `update`, for a queryset of this row alone. Its chat is remembered: each flush of an answer comes here."""
        model = cast("type[WithWords]", self.model)
        try:
            scope = _scope_of(model, pk) if model.words_in(fields) else None
        except model.DoesNotExist:
            return 0
        return super().update(**fields) if scope is None else self._update_sealed(pk, scope, fields)

    def _update_sealed(self, pk: Any, scope: Scope, fields: Mapping[str, Any]) -> int:
        words = cast("type[WithWords]", self.model).words_in(fields)
        sealed = {field.name: _sealed(field, fields[field.name], scope, pk) for field in words}
        return super(SealedQuerySet, self.filter(pk=pk)).update(**{**fields, **sealed})


class WithWords(models.Model):
    """A row with words of a chat. `CHAT` is how one comes from it to its conversation; `TURN`, to the id of its turn's
    message, is empty where the row is about several turns."""

    CHAT: ClassVar[str] = "conversation"
    TURN: ClassVar[str] = ""

    class Meta:
        abstract = True

    @classmethod
    def words(cls) -> Sequence[_SealedField]:
        return _words_of(cls)

    @classmethod
    def words_in(cls, fields: Mapping[str, Any]) -> Sequence[_SealedField]:
        """Those that get any."""
        return [field for field in cls.words() if fields.get(field.name)]

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        row = super().from_db(*args, **kwargs)
        row.open()
        read = _read.get()
        if read is not None:
            read.append(row)
        return row

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """With what could not be opened this time, in the place of what could not be before. Deferred columns, too."""
        rows: list[WithWords] = []
        token = _read.set(rows)
        try:
            super().refresh_from_db(*args, **kwargs)
        finally:
            _read.reset(token)
        for row in rows:
            if row == self:
                kept = {name: sealed for name, sealed in self.unread.items() if name not in row.__dict__}
                self.__dict__["_unread"] = kept | row.unread

    @property
    def is_unread(self) -> bool:
        """Whether it has words that could not be opened: its chat has ended, or its key cannot be reached."""
        return bool(self.unread)

    @property
    def unread(self) -> dict[str, Sealed]:
        """What could not be opened, by column: it stays as it is when the row is saved."""
        unread: dict[str, Sealed] = self.__dict__.setdefault("_unread", {})
        return unread

    @property
    def scope(self) -> Scope | None:
        """How its words are sealed; None outside of temporary chats."""
        conversation = self._at(self.CHAT)
        if not cast(Conversation, conversation).is_temporary:
            return None
        return Scope(conversation.pk, self._at(self.TURN) if self.TURN else None)

    def open(self) -> None:
        for field in self.words():
            value = self.__dict__.get(field.attname)
            if not isinstance(value, Sealed):
                continue
            try:
                opened = field.from_words(value.opened(_place(field, self.pk)))
            except (Ended, TemporaryAway):
                self.unread[field.attname] = value
                opened = b"" if isinstance(field, models.BinaryField) else field.get_default()
            setattr(self, field.attname, opened)

    def stored(self, field: _SealedField, value: Any) -> Any:
        """What goes into the column. Raises Ended, and TemporaryAway."""
        if not value:
            return self.unread.get(field.attname, value)
        scope = self.scope
        return value if scope is None else _sealed(field, value, scope, self.pk)

    def _at(self, path: str) -> Any:
        found: Any = self
        for name in path.split("__"):
            found = getattr(found, name)
        return found


@cache
def _words_of(model: type[WithWords]) -> Sequence[_SealedField]:
    return [field for field in model._meta.concrete_fields if isinstance(field, _SealedField)]


def _chat(model: type[WithWords]) -> tuple[str, str, str]:
    return f"{model.CHAT}__is_temporary", f"{model.CHAT}_id", model.TURN or "pk"


def _scope(model: type[WithWords], is_temporary: bool, conversation_id: UUID, turn_id: UUID) -> Scope | None:
    return Scope(conversation_id, turn_id if model.TURN else None) if is_temporary else None


@lru_cache(maxsize=4096)
def _scope_of(model: type[WithWords], pk: Any) -> Scope | None:
    """How the row is sealed: it stays so. Raises DoesNotExist, which is not remembered."""
    return _scope(model, *model._base_manager.values_list(*_chat(model)).get(pk=pk))


def _sealed(field: _SealedField, value: Any, scope: Scope, pk: Any) -> Sealed:
    if hasattr(value, "resolve_expression"):
        raise TypeError(f"{field} of a temporary chat is written as a value, not as an expression")
    return value if isinstance(value, Sealed) else Sealed.of(field.to_words(value), scope, _place(field, pk))


def _place(field: _SealedField, pk: Any) -> str:
    return f"{field.model._meta.db_table}.{field.column} {pk}"
