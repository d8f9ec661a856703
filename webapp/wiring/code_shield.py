"""Code Shield: what is said of code in answers."""

import asyncio
from functools import cache

from assistant.safety.code_shield.report import CodeReport
from assistant.safety.code_shield.shield import SemgrepShield, ShieldConfig
from assistant.safety.policy import CodeRule
from webapp.settings.environment import environment


@cache
def shield() -> SemgrepShield:
    """One for the process: it remembers what it has seen. What is done about a grave find is the policy's to say."""
    packages = environment.var_dir / "code-shield"
    return SemgrepShield(ShieldConfig(packages=packages, on_error="block"))


def usual_code_rule() -> CodeRule:
    """What is done about code where the policy in force does not say it."""
    return environment.code_shield


def code_report(text: str) -> CodeReport:
    """What Code Shield says of an answer that was written earlier. Takes seconds where there is code in it."""
    return shield().scan_now(text)


async def code_shield_is_ready() -> bool:
    """Whether code in answers can be looked through. Without it they are shown, and say that theirs was not."""
    return await asyncio.to_thread(shield().check) is None
