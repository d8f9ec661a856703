"""Peers of the engine's benchmark: installed once, or the reason is known. Small wheels made here, and no index."""

import sys
from contextlib import ExitStack
from pathlib import Path
from zipfile import ZipFile

import pytest

from benchmarks.engine.__main__ import Figures, print_table
from benchmarks.engine.contender import start_each
from benchmarks.engine.peers import NotInstalled, Peer, last_line, python_of

PROJECT = Path(__file__).resolve().parents[2]
PEER = Peer(name="peer", requirement="cria-test-peer==1", probe="import cria_test_peer")
READY = """
from benchmarks.engine.protocol import serve
serve({"double": lambda value: 2 * value}, started=0)
"""


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """The one place pip looks in."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def add_wheel(folder: Path, name: str, *, version: str = "1", code: str = "", requires: str = "") -> None:
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", code)
        wheel.writestr(f"{about}/METADATA", metadata + (f"Requires-Dist: {requires}\n" if requires else ""))
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        # pip takes away what is listed here, and nothing else.
        wheel.writestr(f"{about}/RECORD", f"{name}.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")


def test_a_peer_is_installed_once_and_without_what_it_can_do_without(tmp_path, wheels):
    """The second time nothing is asked of pip; `unwanted` broke the import, so taking it away is what makes it work."""
    add_wheel(wheels, "cria_test_extra", code="raise RuntimeError('a CUDA build')")
    code = "try:\n    import cria_test_extra\nexcept ImportError:\n    pass\n"
    add_wheel(wheels, "cria_test_peer", code=code, requires="cria_test_extra")
    peer = Peer(name="peer", requirement=PEER.requirement, probe=PEER.probe, unwanted=("cria_test_extra",))
    python = python_of(peer, folder=tmp_path / "peers")
    assert python.exists()
    (wheels / "cria_test_peer-1-py3-none-any.whl").unlink()
    assert python_of(peer, folder=tmp_path / "peers") == python


def test_a_failed_installation_is_remembered_until_it_is_retried(tmp_path, wheels):
    """Compiling a peer takes minutes: the next run must not spend them again only to fail again."""
    folder = tmp_path / "peers"
    with pytest.raises(NotInstalled, match=r"^No matching distribution found for cria-test-peer==1$"):
        python_of(PEER, folder=folder)
    add_wheel(wheels, "cria_test_peer")
    with pytest.raises(NotInstalled, match=r"^No matching distribution found for cria-test-peer==1$"):
        python_of(PEER, folder=folder)
    assert python_of(PEER, folder=folder, retry=True).exists()
    assert python_of(PEER, folder=folder).exists()


def test_a_peer_that_does_not_work_is_not_installed_but_another_version_is_tried(tmp_path, wheels):
    """What was remembered is that one requirement failed."""
    add_wheel(wheels, "cria_test_peer", code="raise OSError('libcudart.so: cannot open shared object file')")
    with pytest.raises(NotInstalled, match=r"^OSError: libcudart\.so: cannot open shared object file$"):
        python_of(PEER, folder=tmp_path / "peers")
    add_wheel(wheels, "cria_test_peer", version="2")
    newer = Peer(name=PEER.name, requirement="cria-test-peer==2", probe=PEER.probe)
    assert python_of(newer, folder=tmp_path / "peers").exists()


def test_the_run_goes_on_without_the_peers_that_are_not_there():
    """One cannot be installed, one ends while it loads: both are named, the third is measured."""

    def refused():
        raise NotInstalled("No matching distribution found for torch==2.13.0+cpu")

    commands = {
        "absent": refused,
        "broken": lambda: (sys.executable, "-c", "raise SystemExit('needs AVX-512')"),
        "fine": lambda: (sys.executable, "-c", READY),
    }
    with ExitStack() as stack:
        running, absent = start_each(commands, stack, folder=PROJECT)
        assert running["fine"].ask("double", value=21) == 42
    assert list(running) == ["fine"]
    assert absent == {
        "absent": "not installed: No matching distribution found for torch==2.13.0+cpu (--retry tries again)",
        "broken": "does not start: needs AVX-512",
    }


def test_the_table_names_who_is_not_there(capsys):
    figures = Figures({"decode, tok/s": {"ours": [400.0, 420.0, 410.0]}})
    print_table(figures, ["ours"], {"vLLM": "not installed: no wheel"})
    *_, measured, missing = capsys.readouterr().out.splitlines()
    assert measured.split() == ["decode,", "tok/s", "410.00"]
    assert missing.split(maxsplit=1) == ["vLLM", "not installed: no wheel"]


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            "ERROR: Could not find it\nERROR: No matching distribution found\n[notice] a new pip",
            "No matching distribution found",
        ),
        ("Traceback:\n  x\nImportError: no AVX-512\n\n", "ImportError: no AVX-512"),
        ("\n", ""),
    ],
)
def test_the_reason_is_one_line(said, line):
    assert last_line(said) == line
