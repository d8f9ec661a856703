"""Log lines: with a name before them for people, as JSON for machines."""

import json

import pytest

from deploy.local.console import Console, LineStream


def test_each_line_carries_the_name_of_its_part(capsys: pytest.CaptureFixture[str]) -> None:
    """Five processes share one terminal."""
    Console("console").log("web", "hello")
    assert capsys.readouterr().out == "      web │ hello\n"


def test_json_lines_pass_unchanged_and_others_become_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever collects LOG_FORMAT=json can parse every line of standard output."""
    console = Console("json")
    console.log("web", '{"event": "turn_done"}')
    console.log("redis", "Ready to accept connections")
    console.say("Starting Cria:")
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0] == '{"event": "turn_done"}'
    assert [json.loads(line)["event"] for line in captured.out.splitlines()] == [
        "turn_done",
        "Ready to accept connections",
    ]
    assert captured.err == "Starting Cria:\n"


def test_lines_are_whole_however_the_pipe_cuts_them() -> None:
    """A pipe hands over bytes, not lines, and may cut inside a letter."""
    lines: list[str] = []
    stream = LineStream(lines.append)
    for data in (b"on", b"e\ntw\xc3", b"\xb6\n\n", b"three"):
        stream({"data": data})
    assert lines == ["one", "twö"]
