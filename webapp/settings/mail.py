"""How letters leave: by the server that CRIA_EMAIL_URL names, else onto the console."""

from urllib.parse import unquote, urlsplit

from webapp.settings.environment import environment

SITE_ADDRESS = environment.address
DEFAULT_FROM_EMAIL = SERVER_EMAIL = environment.email_from or f"cria@{urlsplit(SITE_ADDRESS).hostname}"

_server = urlsplit(environment.email_url.get_secret_value())
if _server.hostname:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = _server.hostname
    EMAIL_USE_SSL = _server.scheme == "smtps"
    EMAIL_USE_TLS = _server.scheme == "smtp+tls"
    EMAIL_PORT = _server.port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}[_server.scheme]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_server.username or ""), unquote(_server.password or "")
    EMAIL_TIMEOUT = 20
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
