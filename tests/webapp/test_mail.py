"""How letters leave: by the server that the settings name, else onto the console."""

import json
import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from webapp.settings.environment import Environment

NAMES = ("EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_USE_SSL", "EMAIL_USE_TLS", "EMAIL_HOST_PASSWORD")
READ = f"""
import json
from django.conf import settings
print(json.dumps({{name: getattr(settings, name) for name in {(*NAMES, "DEFAULT_FROM_EMAIL")}}}))
"""


def mail_settings(**environment: str) -> dict[str, object]:
    """As a process started with this environment has them."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CRIA_EMAIL")}
    read = subprocess.run(
        [sys.executable, "-c", READ],
        env={**inherited, "DJANGO_SETTINGS_MODULE": "webapp.settings", "SECRET_KEY": "x" * 50, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, object] = json.loads(read.stdout)
    return found


def test_without_a_server_letters_go_onto_the_console() -> None:
    """A laptop has no mail server, and nothing may wait for one."""
    found = mail_settings(PUBLIC_URL="https://chat.example.org")
    assert str(found["EMAIL_BACKEND"]).endswith("console.EmailBackend")
    assert found["DEFAULT_FROM_EMAIL"] == "cria@chat.example.org"


@pytest.mark.parametrize(
    ("address", "port", "ssl", "tls"),
    [
        ("smtps://ada:p%40ss@mail.example.org", 465, True, False),
        ("smtp+tls://ada:p%40ss@mail.example.org", 587, False, True),
        ("smtp://ada:p%40ss@mail.example.org:2525", 2525, False, False),
    ],
)
def test_a_server_is_named_by_its_address(address: str, port: int, ssl: bool, tls: bool) -> None:
    """With what a password needs escaped."""
    found = mail_settings(CRIA_EMAIL_URL=address, CRIA_EMAIL_FROM="staff@example.org")
    expected = ("django.core.mail.backends.smtp.EmailBackend", "mail.example.org", port, ssl, tls, "p@ss")
    assert tuple(found[name] for name in NAMES) == expected
    assert found["DEFAULT_FROM_EMAIL"] == "staff@example.org"


@pytest.mark.parametrize("address", ["mail.example.org", "https://mail.example.org", "smtp://"])
def test_a_wrong_address_stops_the_start(address: str) -> None:
    """Not the first letter, in the night."""
    with pytest.raises(ValidationError, match="smtp"):
        Environment(SECRET_KEY="x" * 50, CRIA_EMAIL_URL=address)
