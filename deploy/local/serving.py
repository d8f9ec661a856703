"""The five processes, from the first check to Ctrl-C.

1  one instance per var folder, leftovers of a start that was killed, ports, model files by hash
2  redis, the volatile one, inference and the set-up of the database side by side; then worker, beat and web
3  each part is asked until it is ready; then the address
4  Ctrl-C or SIGTERM stops all of them, both of redis last
"""

import asyncio
import os
import signal
import socket
import time
from pathlib import Path

from deploy.local import code_shield, kernels, models, redis_server
from deploy.local.console import Console
from deploy.local.instance import Instance
from deploy.local.parts import parts_for
from deploy.local.startup import PartFailed, Startup
from deploy.local.steps import SetupProblem
from deploy.local.supervisor import Supervisor
from webapp.settings.environment import Environment, environment

PROJECT = Path(__file__).resolve().parents[2]


def serve() -> int:
    """Run until a signal comes. The exit status. Raises SetupProblem before anything is started."""
    started = time.monotonic()
    instance = Instance.claim(environment.var_dir / "run")
    try:
        if num_left := instance.end_leftovers():
            print(f"Ended {num_left} processes that an earlier start had left behind.", flush=True)
        bundled = not (environment.model or environment.inference_url)
        models.ensure(environment.var_dir / "models", with_chat_model=bundled)
        if not environment.inference_url:
            kernels.ensure()
        code_shield.ensure(environment.var_dir / code_shield.FOLDER_NAME)
        var = environment.var_dir
        redis = None if environment.redis_url else redis_server.configure(var)
        volatile = None if environment.volatile_redis_url else redis_server.configure(var, "volatile", is_volatile=True)
        settled = settle_addresses(
            environment,
            redis.url if redis else environment.redis_url,
            volatile.url if volatile else environment.volatile_redis_url,
        )
        instance.publish(settled.address)
        return asyncio.run(_Run(settled, redis, volatile, instance, started).until_stopped())
    finally:
        instance.close()


def settle_addresses(wanted: Environment, redis_url: str, volatile_redis_url: str) -> Environment:
    """The settings with every address this start uses. Raises SetupProblem where a port that was asked for is taken."""
    if not _is_free(wanted.host, wanted.port):
        raise SetupProblem(
            f"Port {wanted.port} on {wanted.host} is in use by another program: stop that one, or choose another port, "
            f"for example make run PORT={redis_server.free_port()}"
        )
    port = wanted.inference_port
    if not _is_free("127.0.0.1", port):
        if "inference_port" in wanted.model_fields_set:
            raise SetupProblem(
                f"Port {port} (CRIA_INFERENCE_PORT) is in use by another program: choose another port, or leave the "
                "setting out and a free one is taken."
            )
        port = redis_server.free_port()
    addresses = {"redis_url": redis_url, "volatile_redis_url": volatile_redis_url}
    return wanted.model_copy(update={**addresses, "inference_port": port})


def process_environment(settled: Environment) -> dict[str, str]:
    """What every part finds in its environment: ours, with the addresses of this start."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    return {
        **inherited,
        "CRIA_VAR": str(settled.var_dir),
        "CRIA_INFERENCE_PORT": str(settled.inference_port),
        "REDIS_URL": settled.redis,
        "CRIA_VOLATILE_REDIS_URL": settled.volatile_redis,
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",
    }


class _Run:
    """One life of the five processes."""

    def __init__(
        self,
        settled: Environment,
        redis: redis_server.RedisServer | None,
        volatile: redis_server.RedisServer | None,
        instance: Instance,
        started: float,
    ) -> None:
        self._settled = settled
        self._started = started
        self._console = Console(settled.log_format)
        self._startup = Startup(parts_for(settled, redis, volatile), process_environment(settled), self._console)
        self._supervisor = Supervisor(PROJECT, on_spawn=instance.record, on_exit=self._startup.on_exit)
        self._stop = asyncio.Event()

    async def until_stopped(self) -> int:
        """0 if it ran until it was told to stop, 1 if a part could not start."""
        await self._supervisor.open(self._startup.processes())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        self._console.say("Starting Cria:")
        startup = asyncio.create_task(self._startup.run(self._supervisor))
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({startup, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not stop.done():
                await startup
                self._welcome()
                await stop
        except* PartFailed as failed:
            self._console.say(f"\n{failed.exceptions[0]}")
        finally:
            startup.cancel()
            await self._end()
        return 0 if stop.done() else 1

    def _welcome(self) -> None:
        seconds = time.monotonic() - self._started
        self._console.say(f"\nCria is ready: {self._settled.address}   ({seconds:.1f} s; Ctrl-C stops it)")
        for line in self._startup.notices:
            self._console.say(line)
        self._console.say("")

    async def _end(self) -> None:
        began = time.monotonic()
        self._console.say("\nStopping.")
        await self._supervisor.stop(last=("redis", "volatile"))
        self._console.say(f"Stopped after {time.monotonic() - began:.1f} s.")


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
