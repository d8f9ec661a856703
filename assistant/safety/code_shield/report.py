"""What Code Shield says of an answer. It quotes no code: lines and words of our own or of a rule only."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "advice"]
Treatment = Literal["warn", "block"]
State = Literal["clean", "findings", "not_scanned"]
NotScanned = Literal["no_rules", "too_long", "unreadable", "timed_out", "tool_missing", "broken"]
"""Why code was not, or not wholly, looked through.

no_rules      its language has no rules, or was not recognised
too_long      more than we look through
unreadable    the parser of its language makes nothing of it, or leaves parts of it out
timed_out     the time limit came first
tool_missing  rules or semgrep-core are not installed
broken        semgrep-core does not find what it must find, or answers nonsense
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One insecure place. `line` counts from 1 within the block."""

    rule_id: str
    cwe: str
    severity: Severity
    treatment: Treatment
    line: int
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockReport:
    """One block of code. `first_line` is where its code begins in the answer, from 1; `language` may be ""."""

    first_line: int
    language: str
    findings: tuple[Finding, ...] = ()
    not_scanned: NotScanned | None = None

    @property
    def state(self) -> State:
        """What was found counts even where not everything was looked through; "clean" only where it was."""
        if self.findings:
            return "findings"
        return "not_scanned" if self.not_scanned else "clean"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeReport:
    """All code of one answer, in its order."""

    blocks: tuple[BlockReport, ...] = ()
    rules_version: str = ""

    @property
    def state(self) -> State:
        """The worst of the blocks; an answer without code is clean."""
        states = {block.state for block in self.blocks}
        if "findings" in states:
            return "findings"
        return "not_scanned" if "not_scanned" in states else "clean"

    @property
    def treatment(self) -> Treatment | None:
        """What to do with the answer, or None where nothing was found."""
        asked = {finding.treatment for block in self.blocks for finding in block.findings}
        if "block" in asked:
            return "block"
        return "warn" if asked else None
