"""Make a piece cut out of a program readable to a parser.

Answers often show a method without its class, or stop in the middle. A parser then leaves out the very part that
matters. So what is missing at the ends is guessed; the code in between stays as it is, line by line.

    });                   ({});                         except OSError:     try:
    run(query);     ─▶    run(query);                       retry()    ─▶       0
    while (more) {        while (more) {                                    except OSError:
                          }                                                     retry()
"""

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

_PAIRS: Final = {"(": ")", "[": "]", "{": "}"}
_OPENING: Final = {closing: opening for opening, closing in _PAIRS.items()}
_HASH_STARTS_COMMENT: Final = frozenset({"c", "cpp", "csharp", "php"})  # or a directive, which is a line as well

_TAGS_IN_CODE: Final = re.compile(r"</|/>")

_WORD: Final = r"""
    (?P<comment>//[^\n]*{hash})
  | (?P<long_comment>/\*(?:.*?\*/|.*\Z))
  | (?P<comment_end>\*/)
  | (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)
  | (?P<opening>[(\[{{])
  | (?P<closing>[)\]}}])
"""
_WORDS: Final = re.compile(_WORD.format(hash=""), re.VERBOSE | re.DOTALL)
_WORDS_WITH_HASH: Final = re.compile(_WORD.format(hash=r"|\#[^\n]*"), re.VERBOSE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reading:
    """Code as a parser is to read it: how its file's name ends, and the number of lines put before it."""

    code: str
    suffix: str = ""
    num_lines_before: int = 0


def readings(language: str, code: str) -> tuple[Reading, ...]:
    """`code` itself and, where it looks cut out, `code` with its ends guessed. Both are worth reading: we may err."""
    if language == "php" and "<?" not in code:
        code = f"<?php {code}"
    suffix = ".tsx" if language == "typescript" and _TAGS_IN_CODE.search(code) else ""
    whole = Reading(code, suffix)
    mended = _mend_python(code) if language == "python" else _mend_brackets(language, code)
    return (whole,) if mended is None else (whole, replace(mended, suffix=suffix))


def _mend_brackets(language: str, code: str) -> Reading | None:
    """Open what is closed but was never opened, and close what is open at the end."""
    never_opened: list[str] = []
    still_open: list[str] = []
    comment_end = 0
    is_comment_open = False
    for word in (_WORDS_WITH_HASH if language in _HASH_STARTS_COMMENT else _WORDS).finditer(code):
        match word.lastgroup:
            case "long_comment":
                is_comment_open = not word.group().endswith("*/")
            case "comment_end":  # all before it was comment
                comment_end = word.end()
                never_opened.clear()
                still_open.clear()
            case "opening":
                still_open.append(word.group())
            case "closing":
                opening = _OPENING[word.group()]
                if opening not in still_open:
                    never_opened.append(opening)
                else:
                    while still_open.pop() != opening:
                        pass
    if not (never_opened or still_open or comment_end or is_comment_open):
        return None
    start = f"/*{code[:comment_end]}" if comment_end else "<?php " if code.startswith("<?php ") else ""
    rest = code[comment_end:] if comment_end else code.removeprefix(start)
    end = ("*/" if is_comment_open else "") + "".join(_PAIRS[opening] for opening in reversed(still_open))
    return Reading(f"{start}{''.join(reversed(never_opened))}{rest}\n{end}")


def _mend_python(code: str) -> Reading | None:
    """Put the headers there that the indentation asks for, and a body after a header at the end."""
    outdents = _outdents(code.splitlines())
    last = code.rstrip().rpartition("\n")[2]
    ends_in_header = last.endswith(":")
    if len(outdents) < 2 and not ends_in_header and (not outdents or outdents[0][0] == 0):
        return None
    headers = []
    if outdents and outdents[-1][0] > 0:
        headers.append("if 1:")
    for (_, _), (indent, word) in reversed(list(pairwise(outdents))):
        headers.append(" " * indent + ("try:" if word in ("except", "finally") else "if 1:"))
    body = f"\n{' ' * (len(last) - len(last.lstrip()) + 1)}pass" if ends_in_header else ""
    return Reading("\n".join([*headers, code.rstrip() + body, ""]), num_lines_before=len(headers))


def _outdents(lines: list[str]) -> list[tuple[int, str]]:
    """Indentation and first word of the first line with code, and of each that is further left than all before it."""
    found: list[tuple[int, str]] = []
    for line in lines:
        code = line.strip()
        indent = len(line) - len(line.lstrip())
        if code and not code.startswith("#") and (not found or indent < found[-1][0]):
            found.append((indent, code.split(maxsplit=1)[0].rstrip(":")))
            if indent == 0:
                break
    return found
