"""How entries of the record hang together: the digest of each, the newest of them as an anchor, and what is wrong.

Version 1 is SHA-256, which anybody can compute; version 2 is HMAC-SHA-256 under a key that only the site has, so that
whoever holds the database alone cannot build another chain. Once an entry is keyed, every later one is. Cutting off the
newest entries leaves a good chain behind: only an anchor noted elsewhere shows it.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache
from typing import Any, Literal, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.translation import gettext as _

from webapp.moderation.models import AuditEntry

PURPOSE = b"cria audit chain"
GENESIS = "0" * 64
HASHED, KEYED = 1, 2


class NoAnchor(ValueError):
    """The text is not an anchor; it says so to whoever typed it."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """How many entries there were, and the digest of the last of them. Written `N:HASH`."""

    num: int
    digest: str

    def __str__(self) -> str:
        return f"{self.num}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises NoAnchor."""
        num, _colon, digest = text.strip().partition(":")
        if not num.isdecimal() or len(digest) != len(GENESIS) or set(digest) - set("0123456789abcdef"):
            raise NoAnchor(_("An anchor is a number, a colon and 64 hexadecimal digits."))
        return cls(int(num), digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found. `num` entries hold, counted from the first.

    wrong   None, or what is wrong: an entry was "changed" or is missing before it, the newest are "cut" off, or entries
            up to the anchor were "rewritten", the key known
    broken  the first entry that is wrong, where there is one to point at
    """

    num: int
    head: Anchor
    wrong: Literal["changed", "cut", "rewritten"] | None = None
    broken: AuditEntry | None = None


def digest_of(entry: AuditEntry) -> str:
    """Over the entry's content and the digest of the one before, under today's key."""
    return _digest(entry, _keys()[0])


def check(anchor: Anchor | None = None) -> Checked:
    """Go through the whole chain, and compare it with an anchor noted elsewhere."""
    num, previous, version, at_anchor = 0, GENESIS, HASHED, None
    for entry in AuditEntry.objects.order_by("pk").iterator():
        follows = entry.previous_digest == previous and entry.digest_version >= version
        if not (follows and any(hmac.compare_digest(_digest(entry, key), entry.digest) for key in _keys())):
            return Checked(num=num, head=Anchor(num, previous), wrong="changed", broken=entry)
        num, previous, version = num + 1, entry.digest, entry.digest_version
        if anchor and num == anchor.num:
            at_anchor = entry
    head = Anchor(num, previous)
    if anchor and num < anchor.num:
        return Checked(num=num, head=head, wrong="cut")
    if at_anchor and anchor and at_anchor.digest != anchor.digest:
        return Checked(num=num, head=head, wrong="rewritten", broken=at_anchor)
    return Checked(num=num, head=head)


def head() -> Anchor:
    """Of the record as it is now, without a check."""
    last = AuditEntry.objects.order_by("-pk").first()
    return Anchor(AuditEntry.objects.filter(pk__lte=last.pk).count(), last.digest) if last else Anchor(0, GENESIS)


def _digest(entry: AuditEntry, key: bytes) -> str:
    content: list[Any] = [
        entry.previous_digest,
        entry.actor_ref,
        entry.action,
        entry.subject_type,
        entry.subject_ref,
        entry.reason,
        entry.details,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
    ]
    if entry.digest_version == HASHED:
        return hashlib.sha256(_canonical(content)).hexdigest()
    return hmac.digest(key, _canonical([entry.digest_version, *content]), "sha256").hex()


def _canonical(content: list[Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _keys() -> list[bytes]:
    """Today's key first, then those of earlier secrets that are still named."""
    return [_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


@lru_cache(maxsize=8)
def _key(secret: str | bytes) -> bytes:
    raw = secret if isinstance(secret, bytes) else secret.encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(raw)
