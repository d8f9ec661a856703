"""Whether this container does its work: the health checks of docker-compose.yml. Exit status 0 if so, 1 if not.

    python -m deploy.images.probe web | worker | beat

Each asks for its own process only: a container is not unwell because another one is away. What an import brings in
is paid for at every check, so each check imports its own.
"""

import sys
from collections.abc import Mapping
from typing import Protocol

PORT = 8000


class Check(Protocol):
    def __call__(self) -> bool: ...


def web() -> bool:
    """Pages are answered, under a name that ALLOWED_HOSTS lets in."""
    import asyncio

    from deploy.local.probes import Web
    from webapp.settings.environment import environment

    # HOST and PORT are the published address; in here the server listens on every address, always on the same port.
    return asyncio.run(Web(environment.model_copy(update={"host": "127.0.0.1", "port": PORT})).is_up())


def worker() -> bool:
    """This worker, and not just any, answers Celery's ping."""
    import socket

    from workers.app import app

    return bool(app.control.ping(destination=[f"celery@{socket.gethostname()}"], timeout=3.0))


def beat() -> bool:
    """The reconciler has left a sign of life in the database."""
    import django

    django.setup()

    from webapp.chat.services.heartbeat import is_alive
    from webapp.health import RECONCILER_SILENCE_S

    return is_alive("reconciler", within_s=RECONCILER_SILENCE_S)


CHECKS: Mapping[str, Check] = {"web": web, "worker": worker, "beat": beat}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in CHECKS:
        sys.exit(f"usage: python -m deploy.images.probe {' | '.join(CHECKS)}")
    sys.exit(0 if CHECKS[sys.argv[1]]() else 1)
