"""Second factors: how their secrets are kept."""

import base64
import secrets

from allauth.mfa.adapter import DefaultMFAAdapter

from webapp.moderation.services.sealing import Unreadable, seal, unseal


class SealingAdapter(DefaultMFAAdapter):
    """Secrets of authenticator apps and seeds of recovery codes are encrypted with a key made from the site's secret.

    Whoever gets hold of a copy of the database can make no codes from it.
    """

    def encrypt(self, text: str) -> str:
        return seal(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """What cannot be opened any more becomes a secret that nobody knows, so that no code fits it.

        An empty one would be worse than none: anybody can work out its codes.
        """
        try:
            return unseal(encrypted_text.encode())
        except Unreadable:
            return base64.b32encode(secrets.token_bytes(20)).decode()
