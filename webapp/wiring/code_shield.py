"""Code Shield: what is said of code in answers."""

import asyncio
import os
from functools import cache
from pathlib import Path

from assistant.safety.code_shield.report import CodeReport
from assistant.safety.code_shield.shield import SemgrepShield, ShieldConfig
from assistant.safety.policy import CodeRule
from webapp.settings.environment import environment

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 the analyser's folders in it are made privately


def _temp_dir() -> Path | None:
    """Where code lies while it is read: in memory where a system can, for it may be of a temporary chat."""
    return _IN_MEMORY if _IN_MEMORY.is_dir() and os.access(_IN_MEMORY, os.W_OK) else None


@cache
def shield() -> SemgrepShield:
    """One for the process: it remembers what it has seen. What is done about a grave find is the policy's to say."""
    packages = environment.var_dir / "code-shield"
    return SemgrepShield(ShieldConfig(packages=packages, temp_dir=_temp_dir(), on_error="block"))


def usual_code_rule() -> CodeRule:
    """What is done about code where the policy in force does not say it."""
    return environment.code_shield


def code_report(text: str) -> CodeReport:
    """What Code Shield says of an answer that was written earlier. Takes seconds where there is code in it."""
    return shield().scan_now(text)


async def code_shield_is_ready() -> bool:
    """Whether code in answers can be looked through. Without it they are shown, and say that theirs was not."""
    return await asyncio.to_thread(shield().check) is None
