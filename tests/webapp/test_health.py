"""What readiness says of Code Shield, what it does not make of it, and what it writes into the log."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import AsyncClient

from assistant.safety.code_shield.shield import SemgrepShield, ShieldConfig
from webapp import health
from webapp.health import Telling
from webapp.structured_logs import configure

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

NOT_NEEDED = {"code_shield", "volatile_of_workers"}
"""Told, and no reason to send nobody here."""


async def test_a_broken_scanner_is_named_and_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers come without it, and say that their code was not checked."""
    shield = SemgrepShield(ShieldConfig(packages=tmp_path))
    monkeypatch.setattr("webapp.wiring.code_shield.shield", lambda: shield)
    said: dict[str, Any] = (await AsyncClient().get("/readyz")).json()
    others = {name: is_there for name, is_there in said["parts"].items() if name not in NOT_NEEDED}
    assert said["parts"]["code_shield"] is False
    assert said["ready"] == all(others.values())
    report = await shield.scan("```python\neval(x)\n```\n")
    assert (report.state, report.blocks[0].not_scanned) == ("not_scanned", "tool_missing")


@pytest.fixture
def _logs_as_served(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    configure(log_format="console", level="INFO")
    logging.getLogger().addHandler(caplog.handler)
    yield
    logging.getLogger().removeHandler(caplog.handler)


@pytest.mark.usefixtures("_logs_as_served")
async def test_a_start_is_no_error_and_an_outage_is_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once for each, however often somebody asks: nobody beats here, and there is no model."""
    telling = Telling()
    monkeypatch.setattr(health, "telling", telling)
    for began in (0, 0, health.STARTS_WITHIN_S, 0):
        telling._began -= began
        assert (await AsyncClient().get("/readyz")).status_code == 503
    found = [record for record in caplog.records if record.name in {"webapp.health", "django.request"}]
    said = [(record.levelname, record.message) for record in found]
    assert said == [("INFO", "not_ready_yet"), ("ERROR", "not_ready")]
    assert {"inference", "reconciler"} <= set(found[-1].missing)  # type: ignore[attr-defined]


def test_what_was_there_and_went_is_an_outage_from_the_first_moment(caplog: pytest.LogCaptureFixture) -> None:
    telling = Telling()
    caplog.set_level("INFO")
    for missing in (["inference"], [], [], ["redis"], ["redis"], ["redis", "inference"], []):
        telling.tell(missing)
    levels = [record.levelname for record in caplog.records]
    assert levels == ["INFO", "INFO", "ERROR", "ERROR", "INFO"]
