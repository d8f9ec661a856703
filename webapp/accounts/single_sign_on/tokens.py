"""What an ID token says of a person, if it holds: OpenID Connect Core 1.0, 3.1.3.7."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from allauth.core.internal.deferred import jwt  # loaded with the first token, not at the start
from allauth.socialaccount import app_settings
from allauth.socialaccount.providers.oauth2.client import OAuth2Error

# Signed with a key whose public half the provider shows. "none", and HMAC with what everybody can read, are not there.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
CLOCKS_DIFFER_BY_S = 60


class Refused(OAuth2Error):
    """What a provider sent does not hold. `code` says why, for the log."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def nonce_of(code_verifier: str) -> str:
    """The nonce of a sign-in, made from its PKCE verifier: as secret as that until it is used, and bound to it."""
    digest = hashlib.sha256(b"nonce " + code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def claims_of(
    id_token: object, *, keys: Mapping[str, Any], issuer: str, client_id: str, nonce: str
) -> Mapping[str, Any]:
    """The claims of a token that this provider signed for us, for the sign-in that has this nonce.

    `keys` is the provider's JSON Web Key Set. Raises Refused.
    """
    if not isinstance(id_token, str):
        raise Refused("no_id_token")
    try:
        claims: Mapping[str, Any] = jwt.decode(
            id_token,
            _key_of(id_token, keys),
            algorithms=ALGORITHMS,
            audience=client_id,
            issuer=issuer,
            leeway=CLOCKS_DIFFER_BY_S,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.PyJWTError as error:
        raise Refused(type(error).__name__) from error
    if not hmac.compare_digest(str(claims.get("nonce")).encode(), nonce.encode()):
        raise Refused("nonce")
    is_for_several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", "" if is_for_several else client_id) != client_id:
        raise Refused("authorized_party")
    if not 0 < len(claims["sub"]) <= app_settings.UID_MAX_LENGTH:
        raise Refused("subject")
    return claims


def _key_of(id_token: str, keys: Mapping[str, Any]) -> Any:
    """The key that the token names, or the only one. Raises Refused or PyJWTError."""
    wanted = jwt.get_unverified_header(id_token).get("kid")
    found = [key for key in jwt.PyJWKSet.from_dict(dict(keys)).keys if wanted in {None, key.key_id}]
    if len(found) != 1:
        raise Refused("unknown_key")
    return found[0]
