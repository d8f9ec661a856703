"""Rules that are regular expressions, in this process, within a time limit.

The limit is why they run in `regex` and not in `re`: some of the package's patterns take quadratic time and more on
text made for it, and nothing can stop `re`. `regex` also lets go of the interpreter while it searches. Its clock counts
processor time, so that on a busy machine a limit takes longer: hence the small one.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import regex

from assistant.safety.code_shield.rules import PatternRule, SyntaxRule

MAX_PATTERNS_S: Final = 0.5
"""For all patterns on all blocks of an answer; some 10 ms are usual."""

MAX_MATCHES: Final = 20
"""Places of one rule in one block that are told; the first ones make the point."""

_COMMENT_STARTS: Final = ("#", "//", "/*")


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment, on the monotonic clock, at which all searching ends."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + seconds)

    @property
    def remaining_s(self) -> float:
        return max(0.0, self.at - time.monotonic())


def matching_lines(rules: Iterable[PatternRule], code: str, deadline: Deadline) -> Iterator[tuple[PatternRule, int]]:
    """Each rule with the lines, from 1, on which something it matches begins. Raises TimeoutError."""
    for rule in rules:
        for num_matches, match in enumerate(_matches(rule.pattern, code, deadline), start=1):
            start = match.start()
            if not _is_comment(code[code.rfind("\n", 0, start) + 1 : start]):
                yield rule, code.count("\n", 0, start) + 1
            if num_matches == MAX_MATCHES:
                break


def is_worth_parsing(rules: Iterable[SyntaxRule], code: str, deadline: Deadline) -> bool:
    """Whether any of the rules may find something in `code`. Raises TimeoutError."""
    return any(next(_matches(rule.prescan, code, deadline), None) for rule in rules)


def _matches(pattern: "regex.Pattern[str]", code: str, deadline: Deadline) -> Iterator["regex.Match[str]"]:
    if deadline.remaining_s == 0:
        raise TimeoutError
    yield from pattern.finditer(code, timeout=deadline.remaining_s, concurrent=True)


def _is_comment(before: str) -> bool:
    """Whether what stands on the line before a match says that it is in a comment; by the package's own rule."""
    return before.strip().startswith(_COMMENT_STARTS)
