"""What readiness says of Code Shield, and what it does not make of it."""

from pathlib import Path
from typing import Any

import pytest
from django.test import AsyncClient

from assistant.safety.code_shield.shield import SemgrepShield, ShieldConfig
from webapp import wiring

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


async def test_a_broken_scanner_is_named_and_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers come without it, and say that their code was not checked."""
    shield = SemgrepShield(ShieldConfig(packages=tmp_path))
    monkeypatch.setattr(wiring, "_code_shield", lambda: shield)
    said: dict[str, Any] = (await AsyncClient().get("/readyz")).json()
    others = {name: is_there for name, is_there in said["parts"].items() if name != "code_shield"}
    assert said["parts"]["code_shield"] is False
    assert said["ready"] == all(others.values())
    report = await shield.scan("```python\neval(x)\n```\n")
    assert (report.state, report.blocks[0].not_scanned) == ("not_scanned", "tool_missing")
