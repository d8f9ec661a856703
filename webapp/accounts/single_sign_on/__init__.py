"""Sign-in with an account elsewhere, over OpenID Connect.

Only loaded where `CRIA_OIDC` names a provider. allauth carries the flow; what a provider says is checked here, as
OpenID Connect Core 1.0 asks for it: issuer, signature, audience and nonce of the ID token.
"""
