"""Code Shield's packages arrive whole, as pinned, or not at all; and no start fails for want of them."""

import hashlib
import re
import zipfile
from pathlib import Path

import pytest

from deploy.local import code_shield


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with its own requirements, and a pip that reaches nothing."""
    (tmp_path / "var" / "setup").mkdir(parents=True)
    monkeypatch.setattr(code_shield, "PROJECT", tmp_path)
    monkeypatch.setattr(code_shield, "REQUIREMENTS", tmp_path / "code-shield.txt")
    for name, value in {"CONFIG_FILE": "/dev/null", "INDEX_URL": "http://127.0.0.1:9/simple", "RETRIES": "0"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return tmp_path


def require(project: Path, version: str, *, damaged: bool = False) -> None:
    """Ask for a package of this version, which lies beside the project."""
    wheel = project / f"rules-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("rules/version.txt", version)
        archive.writestr(
            f"rules-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: rules\nVersion: {version}\n"
        )
        archive.writestr(
            f"rules-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"rules-{version}.dist-info/RECORD", "")
    digest = "0" * 64 if damaged else hashlib.sha256(wheel.read_bytes()).hexdigest()
    (project / "code-shield.txt").write_text(f"rules @ {wheel.as_uri()} --hash=sha256:{digest}\n")


def installed(project: Path) -> str:
    return (project / "var" / "code-shield" / "rules" / "version.txt").read_text()


def test_packages_are_installed_once(project: Path, capsys: pytest.CaptureFixture[str]):
    """And again only when others are asked for; then nothing of the old ones stays."""
    folder = project / "var" / "code-shield"
    require(project, "1.0")
    assert code_shield.ensure(folder)
    assert installed(project) == "1.0"
    (folder / "rules" / "old.txt").touch()
    assert code_shield.ensure(folder)
    assert (folder / "rules" / "old.txt").exists(), "nothing to do the second time"
    require(project, "2.0")
    assert code_shield.ensure(folder)
    assert installed(project) == "2.0"
    assert not (folder / "rules" / "old.txt").exists()
    assert capsys.readouterr().out.count("Code Shield") == 2


def test_a_package_with_other_bytes_is_not_installed(project: Path, capsys: pytest.CaptureFixture[str]):
    """Cria starts without, and says so; what was there stays."""
    folder = project / "var" / "code-shield"
    require(project, "1.0")
    assert code_shield.ensure(folder)
    require(project, "2.0", damaged=True)
    assert not code_shield.ensure(folder)
    assert installed(project) == "1.0"
    assert "code in answers is not scanned" in capsys.readouterr().out


def test_without_an_index_the_start_goes_on(project: Path, capsys: pytest.CaptureFixture[str]):
    """The next start tries again."""
    (project / "code-shield.txt").write_text(f"rules==1.0 --hash=sha256:{'0' * 64}\n")
    assert not code_shield.ensure(project / "var" / "code-shield")
    assert not (project / "var" / "code-shield").exists()
    assert "code in answers is not scanned" in capsys.readouterr().out


def test_only_pinned_packages_are_asked_for():
    """The rules once; the analyser with a digest for each platform that it is built for."""
    text = code_shield.REQUIREMENTS.read_text()
    pinned = re.findall(r"^([\w-]+)==([\d.]+)((?:[\s\\]+--hash=sha256:[0-9a-f]{64})+)$", text, re.MULTILINE)
    assert [(name, hashes.count("sha256")) for name, _, hashes in pinned] == [("codeshield", 1), ("semgrep", 5)]
    assert len(re.sub(r"#.*", "", text).split("==")) == 3, "no other line"
