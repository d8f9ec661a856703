"""What may stand in a log line."""

import logging
from collections.abc import Iterator
from typing import Literal

import pytest

from webapp.structured_logs import configure

logger = logging.getLogger("webapp.test")


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_shows_no_variables(
    log_format: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    """What a person wrote is in some of them, and must never enter a log line."""
    configure(log_format=log_format, level="INFO")
    try:
        _fail(text="my-secret-" + "diagnosis")
    except ValueError:
        logger.exception("turn_failed")
    printed = capsys.readouterr().err
    assert "ValueError" in printed
    assert "my-secret-diagnosis" not in printed


def _fail(*, text: str) -> None:
    raise ValueError(len(text))


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    yield
    configure(log_format="console", level="INFO")
