"""A hub id is downloaded from a server that speaks the hub's API, and found again when that is gone."""

import hashlib
import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.inference.checkpoints import PROJECT_ROOT, make_tiny_llama, write_gguf, write_hf

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "someone/tiny-llama"
# The hub's client reads its address when it is imported, so each case runs in a process of its own.
PROGRAM = """
    import sys
    from inference.weights.open import open_checkpoint
    class Shown:
        def begin(self, what, total_bytes): print("begin", what, total_bytes)
        def advance(self, num_bytes): print("advance", num_bytes)
        def end(self): print("end")
    try:
        checkpoint = open_checkpoint(sys.argv[1], progress=Shown())
        print("opened", checkpoint.card.name, len(checkpoint.weights.shapes()))
    except Exception as error:
        print(type(error).__name__, error)
"""


class Hub(ThreadingHTTPServer):
    """One repository with the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.files = {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}
        self.served: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        files, path = self.server.files, self.path.split("?")[0]
        name = path.removeprefix(f"/{REPOSITORY}/resolve/{COMMIT}/")
        if path.startswith(f"/api/models/{REPOSITORY}/tree/"):
            tree = [{"type": "file", "path": n, "size": len(c), "oid": _etag(c)} for n, c in files.items()]
            return self._send(json.dumps(tree).encode(), with_body=with_body)
        if path.startswith(f"/api/models/{REPOSITORY}"):
            info = {"id": REPOSITORY, "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
            return self._send(json.dumps(info).encode(), with_body=with_body)
        if name not in files:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if with_body:
            self.server.served.append(name)
        return self._send(files[name], with_body=with_body)

    def _send(self, content: bytes, *, with_body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{_etag(content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _etag(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A sharded model, with what must not be downloaded beside it."""
    folder = write_hf(tmp_path / "repository", make_tiny_llama(is_scaled=True), num_files=2)
    (folder / "original").mkdir()
    (folder / "original/params.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    write_gguf(folder / "tiny.gguf", make_tiny_llama(is_scaled=True))
    server = Hub(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def open_from(hub: Hub, model: str, cache: Path, **environment: str) -> list[str]:
    """What a fresh process says when it opens a model of this hub."""
    address = f"http://127.0.0.1:{hub.server_address[1]}"
    environment = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"} | environment
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), model]
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_hub_id_is_downloaded_with_progress_and_found_again(hub: Hub, tmp_path: Path) -> None:
    """Safetensors and what describes them, once; then the cache is enough, without a network too."""
    said = open_from(hub, REPOSITORY, tmp_path / "cache")
    wanted = {name for name in hub.files if name.endswith((".json", ".safetensors")) and "/" not in name}
    assert set(hub.served) == wanted
    total = sum(len(hub.files[name]) for name in wanted)
    assert said[0] == f"begin Downloading {REPOSITORY} {total}"
    assert sum(int(line.split()[1]) for line in said if line.startswith("advance")) == total
    assert said[-2:] == ["end", "opened tiny-llama 21"]
    hub.served.clear()
    assert open_from(hub, REPOSITORY, tmp_path / "cache", HF_HUB_OFFLINE="1")[-1] == "opened tiny-llama 21"
    assert not hub.served


def test_one_gguf_file_of_a_repository_is_downloaded_alone(hub: Hub, tmp_path: Path) -> None:
    """Such repositories hold one model in a dozen precisions."""
    assert open_from(hub, f"{REPOSITORY}/tiny.gguf", tmp_path / "cache")[-1] == "opened tiny 21"
    assert hub.served == ["tiny.gguf"]


def test_an_unknown_hub_id_is_refused_with_the_reason(hub: Hub, tmp_path: Path) -> None:
    said = open_from(hub, "someone/else", tmp_path / "cache")
    reason = "CheckpointError someone/else: neither a local path nor a model that could be downloaded"
    assert any(line.startswith(reason) for line in said)
