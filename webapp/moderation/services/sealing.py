"""Encryption of what must not be read in passing: with keys derived from the site's secret, old ones included."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"cria withheld answers"


class Unreadable(Exception):
    """Sealed under a secret that is not among the settings any more, or damaged."""


def seal(text: str) -> bytes:
    return seal_bytes(text.encode())


def unseal(sealed: bytes | memoryview) -> str:
    """Raises Unreadable."""
    return unseal_bytes(sealed).decode()


def seal_bytes(content: bytes | memoryview) -> bytes:
    return _cipher().encrypt(bytes(content))


def unseal_bytes(sealed: bytes | memoryview) -> bytes:
    """Raises Unreadable."""
    try:
        return _cipher().decrypt(bytes(sealed))
    except InvalidToken:
        raise Unreadable from None


def _cipher() -> MultiFernet:
    """Seals with today's secret, and opens with any of `SECRET_KEY_FALLBACKS` too."""
    return MultiFernet([Fernet(_key(secret)) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str | bytes) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(
        secret if isinstance(secret, bytes) else secret.encode()
    )
    return base64.urlsafe_b64encode(derived)
