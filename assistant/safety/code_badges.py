"""What Code Shield found, put where a reader sees it: at each block of code as the page shows them."""

from bisect import bisect_right
from dataclasses import dataclass, replace

from assistant.rendering.dialect import block_parser
from assistant.safety.code_shield.report import BlockReport, CodeReport, NotScanned, State
from assistant.safety.taxonomy import INSECURE_CODE
from assistant.safety.verdict import Verdict
from assistant.wording import Translate

POLICY_VERSION = "code-shield"
"""Stands for the rule about code, which no score leads to."""

_parser = block_parser()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLine:
    """One insecure line. `line` counts from 1 within the block that is shown."""

    line: int
    cwe: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeBadge:
    """What stands at the head of the `figure`-th block of code of an answer, from 0."""

    figure: int
    state: State
    found: tuple[FoundLine, ...]
    not_scanned: NotScanned | None


def badges(text: str, report: CodeReport) -> tuple[CodeBadge, ...]:
    """One for each block of code of `text` that the report speaks of. Code inside a block of Markdown counts there."""
    if not report.blocks:
        return ()
    first_lines = [
        token.map[0] + 1 + (token.type == "fence")
        for token in _parser.parse(text)
        if token.type in ("fence", "code_block") and token.map
    ]
    of_figure: dict[int, list[BlockReport]] = {}
    for block in report.blocks:
        of_figure.setdefault(max(0, bisect_right(first_lines, block.first_line) - 1), []).append(block)
    return tuple(_badge(figure, first_lines, blocks) for figure, blocks in of_figure.items())


def translated(badge: CodeBadge, translate: Translate) -> CodeBadge:
    """The badge with its advice in the language of the person."""
    return replace(badge, found=tuple(replace(line, advice=translate(line.advice)) for line in badge.found))


def _badge(figure: int, first_lines: list[int], blocks: list[BlockReport]) -> CodeBadge:
    start = first_lines[figure] if first_lines else 1
    found = tuple(
        FoundLine(line=block.first_line - start + finding.line, cwe=finding.cwe, advice=finding.advice)
        for block in blocks
        for finding in block.findings
    )
    whole = CodeReport(blocks=tuple(blocks))
    not_scanned = next((block.not_scanned for block in blocks if block.not_scanned), None)
    return CodeBadge(figure=figure, state=whole.state, found=found, not_scanned=not_scanned)


def insecure_code(report: CodeReport) -> Verdict:
    """The verdict on an answer whose code must not be shown."""
    return Verdict(
        action="block",
        score=1.0,
        categories={INSECURE_CODE: 1.0},
        violated=(INSECURE_CODE,),
        guard_id=f"code-shield {report.rules_version}"[:100],
        policy_version=POLICY_VERSION,
        latency_ms=0.0,
    )
