"""Is a part ready? Each probe is a coroutine function that answers yes or no and never raises."""

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable
from typing import Any

from celery import Celery
from kombu.exceptions import KombuError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from webapp.settings.environment import Environment

Probe = Callable[[], Awaitable[bool]]
TIMEOUT_S = 2.0


async def never() -> bool:
    """For a part that is ready when it has ended."""
    return False


def redis(url: str) -> Probe:
    """Whether the server answers PING: not while it still reads its file."""

    async def answers() -> bool:
        client: Any = Redis.from_url(url, socket_timeout=TIMEOUT_S)
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()

    return answers


def http_ok(host: str, port: int, path: str) -> Probe:
    """Whether GET answers 200."""

    async def answers() -> bool:
        status, _ = await asyncio.to_thread(_get, host, port, path, host)
        return status == http.client.OK

    return answers


def worker(broker: str) -> Probe:
    """Whether a worker answers Celery's ping: through the broker, to the process, and back."""
    app = Celery(broker=broker, set_as_current=False)
    app.conf.broker_transport_options = {"global_keyprefix": "cria:celery:", "socket_timeout": TIMEOUT_S}

    def ping() -> bool:
        try:
            return bool(app.control.ping(timeout=0.5, limit=1))
        except (KombuError, RedisError, OSError):
            return False

    async def answers() -> bool:
        return await asyncio.to_thread(ping)

    return answers


class Web:
    """The web process: whether it answers, and what it says of the parts it cannot do without (/readyz)."""

    def __init__(self, environment: Environment) -> None:
        self._host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(environment.host, environment.host)  # noqa: S104
        self._port = environment.port
        self._name = environment.hosts[0].lstrip(".*") or "localhost"  # one that ALLOWED_HOSTS lets in

    async def is_up(self) -> bool:
        status, _ = await asyncio.to_thread(_get, self._host, self._port, "/healthz", self._name)
        return status == http.client.OK

    def sees(self, part: str) -> Probe:
        """Whether the web process finds this part alive."""

        async def answers() -> bool:
            return bool((await self._report()).get("parts", {}).get(part))

        return answers

    async def _report(self) -> dict[str, Any]:
        _, body = await asyncio.to_thread(_get, self._host, self._port, "/readyz", self._name)
        try:
            report = json.loads(body)
        except ValueError:
            return {}
        return report if isinstance(report, dict) else {}


def _get(host: str, port: int, path: str, name: str) -> tuple[int, bytes]:
    """Status and body; (0, nothing) where nobody answers. Proxy settings of the environment play no part here."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Host": name})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
