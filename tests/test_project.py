"""The project keeps its own rules: imports point one way, and what can drift is documented."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

from assistant.events import EVENT_TYPES
from webapp.chat import commands
from webapp.settings.environment import Environment

ROOT = Path(__file__).resolve().parents[1]


def test_imports_point_one_way() -> None:
    """The layers of docs/architecture.md hold for every import."""
    linter = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_setting_is_in_the_example_file() -> None:
    """A setting that nobody can find does not exist; a documented one that does nothing is worse."""
    documented = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert documented == {field.alias for field in Environment.model_fields.values()}


def test_every_event_and_command_is_documented() -> None:
    """The protocol page is what somebody writes another client from."""
    page = (ROOT / "docs" / "protocol.md").read_text()
    events = page.partition("## Events of a reply")[2]
    for event in EVENT_TYPES:
        row = next(line for line in events.splitlines() if line.startswith(f"| `{event.type}` |"))
        for field in dataclasses.fields(event):
            assert f"`{field.name}`" in row, f"{event.type}.{field.name}"
    for command in commands.COMMANDS:
        assert f"| `{command}` |" in page
