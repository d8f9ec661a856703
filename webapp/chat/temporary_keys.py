"""The keys of temporary chats. They are in the memory of the volatile Redis and nowhere else: once one is gone, what
was written in its chat can be read nowhere, in no backup either.

    made with its chat ──▶ renewed by its page, and by all that is written ──▶ gone: its page ended, or was silent

Each turn has a key of its own, made from that of its chat, so that one turn can be left to the staff without the others
(`webapp.moderation.services.evidence`).
"""

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry

from webapp.chat.errors import Ended, TemporaryAway

logger = logging.getLogger(__name__)

KEPT_FOR: Final = timedelta(minutes=10)
TRUSTED_S: Final = 1.0
"""For so long a process takes it for granted that a key it has seen is still there."""
PURPOSE: Final = b"cria temporary chat "
_trusted: dict[UUID, tuple[float, bool, bytes]] = {}
"""When it was seen, and whether it was renewed then."""
_away_since = float("-inf")
_lent: ContextVar[tuple[UUID, bytes] | None] = ContextVar("_lent", default=None)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is sealed alike: a turn of a temporary chat, or, without one, what is about several."""

    conversation_id: UUID
    turn_id: UUID | None = None


def make(conversation_id: UUID) -> None:
    """A key for a new chat. Raises TemporaryAway."""
    key = secrets.token_bytes(32)
    _asked(lambda redis: redis.set(_name(conversation_id), key, nx=True, ex=KEPT_FOR))


def is_there(conversation_id: UUID) -> bool:
    """Whether the chat can be read. Raises TemporaryAway."""
    return _key(conversation_id) is not None


def renew(conversation_id: UUID) -> None:
    """Its page is open. Raises Ended, and TemporaryAway."""
    _forget_trusted([conversation_id])
    if _key(conversation_id, renews=True) is None:
        raise Ended


def forget(conversation_ids: Iterable[UUID]) -> None:
    """Nobody reads these from here on. Without Redis the keys end by themselves, or with it."""
    ids = list(conversation_ids)
    _forget_trusted(ids)
    if not ids:
        return
    try:
        _redis().delete(*map(_name, ids))
    except (RedisError, OSError) as error:
        logger.warning("temporary_keys_not_forgotten", extra={"error": type(error).__name__, "num": len(ids)})


def key_of(scope: Scope, *, renews: bool = False) -> bytes:
    """The key that this is sealed with. Raises Ended, and TemporaryAway."""
    lent = _lent.get()
    if lent is not None and lent[0] == scope.turn_id:
        return lent[1]
    key = _key(scope.conversation_id, renews=renews)
    if key is None:
        raise Ended
    return _derived(key, scope.turn_id)


def digest(scope: Scope, text: str) -> str:
    """Equal for equal texts, and to nobody else a hint of what they were. Raises Ended, and TemporaryAway."""
    return hmac.new(key_of(scope), text.encode(), hashlib.sha256).hexdigest()


def check_redis() -> bool:
    """Whether the volatile Redis keeps nothing, as far as it says how it is set up; if it does, that is an error in the
    log. One that does not answer, or does not say, is taken for good."""
    told: dict[Any, Any] = {}
    try:
        for name in ("appendonly", "save", "maxmemory-policy"):
            told |= _redis().config_get(name)
    except (RedisError, OSError):
        return True
    policy = told.get("maxmemory-policy", "noeviction")
    is_good = told.get("appendonly", "no") == "no" and not told.get("save") and policy == "noeviction"
    if not is_good:
        logger.error("volatile_redis_is_not_volatile", extra=told)
    return is_good


@contextmanager
def lent(turn_id: UUID, key: bytes) -> Iterator[None]:
    """Meanwhile this turn is read with this key, whether or not its chat has ended."""
    token = _lent.set((turn_id, key))
    try:
        yield
    finally:
        _lent.reset(token)


def _key(conversation_id: UUID, *, renews: bool = False) -> bytes | None:
    now = time.monotonic()
    _forget_trusted([pk for pk, (seen_at, *_) in list(_trusted.items()) if now - seen_at >= TRUSTED_S])
    _seen_at, was_renewed, trusted = _trusted.get(conversation_id, (0.0, False, b""))
    if trusted and (was_renewed or not renews):
        return trusted
    name = _name(conversation_id)
    found = _asked(lambda redis: redis.getex(name, ex=KEPT_FOR) if renews else redis.get(name))
    if not isinstance(found, bytes):
        _forget_trusted([conversation_id])
        return None
    _trusted[conversation_id] = (now, renews, found)
    return found


def _forget_trusted(conversation_ids: Iterable[UUID]) -> None:
    for conversation_id in conversation_ids:
        _trusted.pop(conversation_id, None)


def _derived(key: bytes, turn_id: UUID | None) -> bytes:
    about = turn_id.bytes if turn_id else b""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE + about).derive(key)


def _name(conversation_id: UUID) -> str:
    return f"cria:temporary:{conversation_id}"


def _asked(what: Callable[[Redis], Any]) -> Any:
    """What Redis says. Raises TemporaryAway; for a moment it is not asked again then, so that a page with many turns
    does not wait for each of them."""
    global _away_since
    if time.monotonic() - _away_since < TRUSTED_S:
        raise TemporaryAway
    try:
        return what(_redis())
    except (RedisError, OSError) as error:
        if isinstance(error, NotConnected | TimedOut | OSError):  # one that is full can still be read
            _away_since = time.monotonic()
        logger.warning("temporary_keys_away", extra={"error": type(error).__name__})
        raise TemporaryAway from None


def _redis() -> Redis:
    return _connection(settings.VOLATILE_REDIS_URL)


@cache
def _connection(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0))
