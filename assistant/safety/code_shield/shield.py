"""Code Shield behind its port: scans the code of an answer, within a time limit, and remembers what it has seen.

It never raises and never calls code clean that was not looked through. Before the first scan, and again after a while
where that went wrong, it looks through code of which it knows what has to be found.
"""

import asyncio
import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from assistant.safety.code_shield import semgrep
from assistant.safety.code_shield.advice import advice_for
from assistant.safety.code_shield.blocks import CodeBlock, code_blocks
from assistant.safety.code_shield.canary import CANARIES
from assistant.safety.code_shield.fragments import Reading, readings
from assistant.safety.code_shield.languages import language_of
from assistant.safety.code_shield.patterns import MAX_PATTERNS_S, Deadline, is_worth_parsing, matching_lines
from assistant.safety.code_shield.report import BlockReport, CodeReport, Finding, NotScanned, Severity, Treatment
from assistant.safety.code_shield.rules import Rule, RuleBook, RulesUnreadable, SyntaxRule, load

logger = logging.getLogger(__name__)

MAX_FINDINGS: Final = 50
"""In one block; who has fifty places to look at needs no more."""

_GRAVEST_FIRST: Final[Sequence[Severity]] = ("error", "warning", "advice")
_LASTING: Final[frozenset[NotScanned | None]] = frozenset({None, "no_rules", "unreadable"})
"""What another scan would say again; the rest may have been bad luck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShieldConfig:
    """Where things are and how far we go.

    packages  the folder that `codeshield` and `semgrep` were installed into as data (deploy/local/code_shield.py)
    temp_dir  where a scan may have its folder for a moment; None is the system's
    on_error  what to do about a rule of the strict set that calls its find an error
    """

    packages: Path
    temp_dir: Path | None = None
    on_error: Treatment = "warn"
    limit_s: float = 3.0
    max_answer_chars: int = 200_000
    max_block_chars: int = 40_000
    max_blocks: int = 40
    max_remembered: int = 512
    retry_after_s: float = 60.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a block was found to be, wherever it stands."""

    findings: tuple[Finding, ...]
    not_scanned: NotScanned | None


class SemgrepShield:
    """Fulfils the CodeShield port. One instance serves a process; its methods may be called from any thread."""

    def __init__(self, config: ShieldConfig) -> None:
        self._config = config
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._lock = threading.Lock()
        self._rules: RuleBook | None = None
        self._problem: NotScanned | None = None
        self._checked_at: float | None = None

    async def scan(self, text: str) -> CodeReport:
        """What there is to say about the code in `text`, an answer in Markdown.

        Takes `limit_s` or little more; the first scan tries the canaries before, with the same limit.
        """
        return await asyncio.to_thread(self.scan_now, text)

    def scan_now(self, text: str) -> CodeReport:
        """`scan` in the calling thread."""
        try:
            return self._scan(text)
        except Exception as error:  # an answer must not fail because of what is said beside it
            logger.error("code_shield_failed", extra={"reason": type(error).__name__})  # its message may quote code
            return CodeReport(blocks=(BlockReport(first_line=1, language="", not_scanned="broken"),))

    def _scan(self, text: str) -> CodeReport:
        if len(text) > self._config.max_answer_chars:
            return CodeReport(blocks=(BlockReport(first_line=1, language="", not_scanned="too_long"),))
        blocks = [(block, language_of(block.tag, block.code)) for block in code_blocks(text)]
        if not blocks:
            return CodeReport()
        problem = self.check()
        if problem or self._rules is None:
            seen = [_Seen((), problem or "broken")] * len(blocks)
        else:
            seen = self._look(self._rules, blocks)
        return CodeReport(
            blocks=tuple(
                BlockReport(
                    first_line=block.first_line,
                    language=language,
                    findings=found.findings,
                    not_scanned=found.not_scanned,
                )
                for (block, language), found in zip(blocks, seen, strict=True)
            ),
            rules_version=self._rules.version if self._rules else "",
        )

    def check(self) -> NotScanned | None:
        """Load the rules and try the canaries, unless that was done; why nothing can be scanned, or None. For health.

        Done again `retry_after_s` after a failure, and after a scan that failed.
        """
        with self._lock:
            if self._is_check_due():
                semgrep.remove_leftovers(self._config.temp_dir)
                self._problem = self._try_out()
                self._checked_at = time.monotonic()
            return self._problem

    def _is_check_due(self) -> bool:
        if self._checked_at is None:
            return True
        return self._problem is not None and time.monotonic() - self._checked_at > self._config.retry_after_s

    def _try_out(self) -> NotScanned | None:
        try:
            rules = self._rules or load(self._config.packages)
        except RulesUnreadable as error:
            logger.error("code_shield_unusable", extra={"reason": str(error)})
            return "tool_missing"
        blocks = [(CodeBlock("", canary.code, 1), canary.language) for canary in CANARIES]
        found = self._inspect(rules, blocks, Deadline.after(self._config.limit_s))
        for canary, seen in zip(CANARIES, found, strict=True):
            lines = {finding.line for finding in seen.findings}
            if seen.not_scanned or lines != canary.insecure_lines:
                reason = seen.not_scanned or "canary"
                logger.error("code_shield_unusable", extra={"reason": reason, "language": canary.language})
                return seen.not_scanned or "broken"
        self._rules = rules
        logger.info("code_shield_ready", extra={"rules": rules.version})
        return None

    def _look(self, rules: RuleBook, blocks: Sequence[tuple[CodeBlock, str]]) -> list[_Seen]:
        """What each block was found to be before, or now; all new ones at once."""
        keys = [
            "" if self._is_too_long(index, block.code) else _key(rules, block.code, language)
            for index, (block, language) in enumerate(blocks)
        ]
        with self._lock:
            known = {key: self._seen[key] for key in keys if key in self._seen}
        new = {key: block for key, block in zip(keys, blocks, strict=True) if key and key not in known}
        fresh = self._inspect(rules, list(new.values()), Deadline.after(self._config.limit_s))
        known.update(zip(new, fresh, strict=True))
        with self._lock:
            for key, seen in known.items():
                if seen.not_scanned in _LASTING:
                    self._seen[key] = seen
                    self._seen.move_to_end(key)
            while len(self._seen) > self._config.max_remembered:
                self._seen.popitem(last=False)
        return [known[key] if key else _Seen((), "too_long") for key in keys]

    def _is_too_long(self, index: int, code: str) -> bool:
        return index >= self._config.max_blocks or len(code) > self._config.max_block_chars

    def _inspect(self, rules: RuleBook, blocks: Sequence[tuple[CodeBlock, str]], deadline: Deadline) -> list[_Seen]:
        """Patterns for each block, then one call of semgrep for all that are worth it."""
        seen: list[_Seen] = []
        to_parse: list[int] = []
        for_patterns = Deadline.after(min(MAX_PATTERNS_S, deadline.remaining_s))
        for index, (block, language) in enumerate(blocks):
            try:
                matches = matching_lines(rules.patterns.get(language, rules.secrets), block.code, for_patterns)
                findings = tuple(self._finding(rule, line) for rule, line in matches)
                syntax = rules.syntax.get(language, ())
                if is_worth_parsing(syntax, block.code, for_patterns):
                    to_parse.append(index)
                seen.append(_Seen(findings, None if language in rules.patterns else "no_rules"))
            except TimeoutError:
                seen.append(_Seen((), "timed_out"))
        for index, parsed in zip(
            to_parse, self._parse(rules, [blocks[index] for index in to_parse], deadline), strict=True
        ):
            seen[index] = _Seen(seen[index].findings + parsed.findings, parsed.not_scanned)
        return [replace(one, findings=_without_repetition(one.findings)) for one in seen]

    def _parse(self, rules: RuleBook, blocks: Sequence[tuple[CodeBlock, str]], deadline: Deadline) -> list[_Seen]:
        if not blocks:
            return []
        read = [readings(language, block.code) for block, language in blocks]
        wanted = {rule.rule_id: rule for _, language in blocks for rule in rules.syntax[language]}
        try:
            results = iter(
                semgrep.scan(
                    [
                        semgrep.Target(language=language, code=reading.code, suffix=reading.suffix)
                        for (_, language), of_block in zip(blocks, read, strict=True)
                        for reading in of_block
                    ],
                    [rule.definition for rule in wanted.values()],
                    packages=self._config.packages,
                    temp_dir=self._config.temp_dir,
                    deadline=deadline,
                )
            )
        except semgrep.ScanFailed as error:
            is_ours = error.why != "timed_out"  # which may be the code's doing
            level = logging.ERROR if is_ours else logging.WARNING
            logger.log(level, "code_not_scanned", extra={"reason": str(error), "num_blocks": len(blocks)})
            if is_ours:
                self._checked_at = None
            return [_Seen((), error.why)] * len(blocks)
        return [self._joined(wanted, [(reading, next(results)) for reading in of_block]) for of_block in read]

    def _joined(self, rules: dict[str, SyntaxRule], results: Sequence[tuple[Reading, semgrep.TargetResult]]) -> _Seen:
        """What the readings of one block say together: all they found, and "not scanned" only if none was whole."""
        findings = tuple(
            self._finding(rules[rule_id], max(1, line - reading.num_lines_before))
            for reading, result in results
            for rule_id, line in result.matches
        )
        whys = [result.not_scanned for _, result in results]
        return _Seen(findings, None if None in whys else whys[0])

    def _finding(self, rule: Rule, line: int) -> Finding:
        return Finding(
            rule_id=rule.rule_id,
            cwe=rule.cwe,
            severity=rule.severity,
            treatment=self._config.on_error if rule.can_block else "warn",
            line=line,
            advice=advice_for(rule.cwe, rule.message),
        )


def _key(rules: RuleBook, code: str, language: str) -> str:
    return hashlib.sha256(f"{rules.version}\0{language}\0{code}".encode(errors="replace")).hexdigest()


def _without_repetition(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By line; where several rules say the same of a line, the one that a policy takes gravest."""
    by_place: dict[tuple[int, str], Finding] = {}
    for finding in sorted(findings, key=lambda one: (one.treatment == "warn", _GRAVEST_FIRST.index(one.severity))):
        by_place.setdefault((finding.line, finding.cwe), finding)
    return tuple(sorted(by_place.values(), key=lambda one: (one.line, one.cwe)))[:MAX_FINDINGS]
