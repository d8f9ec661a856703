"""`python -m inference` leads to every command, and says so when it does not know one."""

import sys

import pytest

from inference.__main__ import COMMANDS, main


def test_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in COMMANDS)
    assert main([]) == 2


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train"]) == 2
    assert "no command 'train'" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With its own name in the usage line, but for the server, which is a program of its own too."""
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: python -m inference")
    assert "--threads" in said


def test_the_model_to_serve_may_be_named_first(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[str]] = []
    server = type(sys)("inference.server.__main__")

    def serve(arguments: list[str]) -> int:
        given.append(arguments)
        return 0

    monkeypatch.setattr(server, "main", serve, raising=False)
    monkeypatch.setitem(sys.modules, "inference.server.__main__", server)
    assert main(["serve", "model.gguf", "--port", "1"]) == 0
    assert main(["serve", "--embedder", "x"]) == 0
    assert given == [["--model", "model.gguf", "--port", "1"], ["--embedder", "x"]]
