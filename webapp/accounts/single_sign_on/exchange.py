"""What is said between this server and a provider: where its pages are, a code for a token, the token for a person."""

from functools import cached_property
from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest

from webapp.accounts.single_sign_on.tokens import Refused, claims_of, nonce_of

ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ExchangeAdapter(OpenIDConnectOAuth2Adapter):
    """Made anew for each request. Raises Refused, or what `requests` raises where a provider cannot be reached."""

    @cached_property
    def openid_config(self) -> dict[str, Any]:
        provider = self.get_provider()
        config = self._fetch(provider.server_url)
        if config.get("issuer") != provider.issuer:
            raise Refused("issuer")
        if not all(isinstance(config.get(name), str) for name in ENDPOINTS):
            raise Refused("endpoints")
        return config

    @property
    def basic_auth(self) -> bool:
        """Of a provider that says nothing it is the usual way (OpenID Connect Discovery 1.0, 3)."""
        ways = self.openid_config.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return "client_secret_post" not in ways

    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        self.nonce = nonce_of(pkce_code_verifier or "")
        answer: dict[str, Any] = super().get_access_token_data(request, app, client, pkce_code_verifier)
        return answer

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        config, provider = self.openid_config, self.get_provider()
        claims = claims_of(
            kwargs["response"].get("id_token"),
            keys=self._fetch(config["jwks_uri"]),
            issuer=provider.issuer,
            client_id=app.client_id,
            nonce=self.nonce,
        )
        if "email" not in claims and "userinfo_endpoint" in config:
            about = self._fetch(config["userinfo_endpoint"], bearer=token.token)
            if about.get("sub") != claims["sub"]:
                raise Refused("userinfo")
            claims = {**about, **claims}
        return provider.sociallogin_from_response(request, claims)

    def _fetch(self, url: str, *, bearer: str = "") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        with get_adapter().get_requests_session() as session:
            answer = session.get(url, headers=headers)
        answer.raise_for_status()
        found = answer.json()
        if not isinstance(found, dict):
            raise Refused("not_an_object")
        return found
