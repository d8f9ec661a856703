"""How fast a Redis server binary is there, and whether it knows Streams.

    python -m benchmarks.redis_start PATH_TO_REDIS_SERVER [PATH ...]

Each is started 15 times in turn with the settings of `make run` (private unix socket, append-only file), in an empty
folder; the time runs from exec to the first PONG. Without arguments the server of this installation is measured.
"""

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from redis import Redis
from redis.exceptions import ResponseError

from deploy.local import redis_server

NUM_STARTS = 15
PATIENCE_S = 10.0


def main(binaries: list[Path]) -> None:
    starts: dict[Path, list[float]] = {binary: [] for binary in binaries}
    for _ in range(NUM_STARTS):  # in turn, so that a busy moment of the machine does not fall on one of them
        for binary in binaries:
            starts[binary].append(start_once(binary)[0])
    print(f"{'median':>8} {'worst':>8} {'binary':>8}  version  streams  server")
    for binary, seconds in starts.items():
        _, version, has_streams = start_once(binary)
        median_ms, worst_ms = 1000 * statistics.median(seconds), 1000 * max(seconds)
        size_mb = binary.stat().st_size / 1e6
        known = "yes" if has_streams else "no"
        print(f"{median_ms:5.0f} ms {worst_ms:5.0f} ms {size_mb:5.1f} MB  {version:<7}  {known:<7}  {binary}")


def start_once(binary: Path) -> tuple[float, str, bool]:
    """Seconds from exec to PONG, the version, and whether an explicit stream id is refused the second time."""
    with tempfile.TemporaryDirectory() as folder:
        server = replace(redis_server.configure(Path(folder)), binary=binary)
        settings = server.config.read_text().replace("set-proc-title no\n", "")  # unknown to Redis before 6.2
        server.config.write_text(settings)
        began = time.perf_counter()
        process = subprocess.Popen([server.binary, server.config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            seconds = _wait_for_pong(Path(folder) / "run" / "redis.sock", began)
            with Redis.from_url(server.url) as client:
                version = client.info("server")
                return seconds, str(version.get("valkey_version") or version["redis_version"]), _has_streams(client)
        finally:
            process.terminate()
            process.wait()


def _wait_for_pong(path: Path, began: float) -> float:
    while time.perf_counter() - began < PATIENCE_S:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(path))
                connection.sendall(b"PING\r\n")
                if connection.recv(16).startswith(b"+PONG"):
                    return time.perf_counter() - began
        except OSError:
            pass
        time.sleep(0.0005)
    raise TimeoutError(path)


def _has_streams(client: Redis) -> bool:
    client.xadd("log", {"text": "a"}, id="1-1")
    try:
        client.xadd("log", {"text": "again"}, id="1-1")
    except ResponseError:
        return client.xlen("log") == 1
    return False


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]] or [redis_server.find_binary()])
