"""A provider of identities, as allauth knows it: how it is asked, and what is kept of its answer."""

from collections.abc import Mapping
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.providers.oauth2.utils import generate_code_challenge
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from django.http import HttpRequest

from webapp.accounts.models import User
from webapp.accounts.single_sign_on.exchange import ExchangeAdapter
from webapp.accounts.single_sign_on.tokens import nonce_of

MAX_NAME_CHARS = User._meta.get_field("first_name").max_length


class SingleSignOnProvider(OpenIDConnectProvider):
    oauth2_adapter_class = ExchangeAdapter

    @property
    def issuer(self) -> str:
        return str(self.app.settings["issuer"])

    @property
    def server_url(self) -> str:
        return f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"

    def get_pkce_params(self) -> dict[str, str]:
        params = generate_code_challenge()
        return {**params, "nonce": nonce_of(params["code_verifier"])}

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, str]:
        """A link does not say what we ask for; neither does it below."""
        return {}

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        return list(self.get_scope())

    def extract_extra_data(self, data: Mapping[str, Any]) -> dict[str, str]:
        """By which its owner tells one account from the other."""
        return {"email": _text(data, "email")}

    def extract_common_fields(self, data: Mapping[str, Any]) -> dict[str, str]:
        name = _text(data, "given_name") or _text(data, "name")
        return {"email": _text(data, "email"), "first_name": name[:MAX_NAME_CHARS]}

    def extract_email_addresses(self, data: Mapping[str, Any]) -> list[EmailAddress]:
        """Some providers write booleans as words, and "false" is not true."""
        if not _text(data, "email"):
            return []
        is_verified = data.get("email_verified") in {True, "true"}
        return [EmailAddress(email=_text(data, "email"), verified=is_verified, primary=True)]


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


provider_classes = [SingleSignOnProvider]
