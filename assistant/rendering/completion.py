"""Make an unfinished piece of Markdown look as it will once it is finished.

    the **bold wo      ->  the **bold wo**
    call `print(       ->  call `print(`
    see [the docs](htt ->  see the docs
    as it is [^1       ->  as it is
    two **             ->  two
    | Day | Plan       ->  a table with this header
    so $\\frac{1}{      ->  so

A guess for the eye only: when the block is closed it is rendered from its true source.
"""

import re
from typing import Final

from assistant.rendering.footnotes import is_unfinished
from assistant.rendering.maths import formula_end, is_hidden

# A last line of nothing but these may become a list, a rule, a heading, a fence or a table: wait for more of it.
_UNDECIDED_LINE: Final = re.compile(r"(?:^|\n)[ \t>]*(?:[-=*+_#|`~: \t]+|\d{1,9}[.)]?[ \t]*)\Z")
_TABLE_HEADER: Final = re.compile(r"(?:\A|\n[ \t]*\n)[ \t]*\|(?P<cells>[^\n]*?)\|?[ \t]*\n?\Z")
_FENCE: Final = re.compile(r"^[ \t>]*(?:```|~~~)", re.MULTILINE)
_RUN: Final = re.compile(r"`+|\*+|_+|~~+")


def complete_blocks(source: str) -> str:
    """`source` without a last line that says nothing yet, and with the rule under a table's header line."""
    if not source.endswith("\n"):
        undecided = _UNDECIDED_LINE.search(source)
        if undecided:
            source = source[: undecided.start() + undecided.group().startswith("\n")]
    header = _TABLE_HEADER.search(source)
    if header and not _FENCE.search(source):
        num_cells = len(re.findall(r"(?<!\\)\|", header["cells"])) + 1
        return f"{source.rstrip()}\n|{'---|' * num_cells}\n"
    return source


def complete_inline(content: str) -> str:
    """`content`, the text of one block, with its unclosed marks closed and a half-written link reduced to its text."""
    content = _reduce_open_link(content)
    open_runs: list[str] = []
    position = 0
    while position < len(content):
        mark, end = formula_end(content, position) if content[position] in "$\\" else ("", None)
        if end is not None:
            position = end + len(mark)
            continue
        if mark and is_hidden(content, position, mark):
            content = content[:position]
            break
        if is_unfinished(content, position):
            content = content[:position]
            break
        if content[position] == "\\":
            if position == len(content) - 1:
                content = content[:-1]
            position += 2
            continue
        run = _RUN.match(content, position)
        if not run:
            position += 1
            continue
        if run.group().startswith("`"):
            end = _code_span_end(content, run.group(), run.end())
            if end is None:
                content = _close_code_span(content, run.group(), run.end())
                break
            position = end
            continue
        if run.end() == len(content) and run.group() not in open_runs:
            # Opens something of which nothing is there yet, or is the first half of what closes the last one.
            content = content[: run.start()]
            break
        _follow(open_runs, content, run)
        position = run.end()
    return content.rstrip() + "".join(reversed(open_runs))


def _follow(open_runs: list[str], content: str, run: re.Match[str]) -> None:
    """Open or close emphasis at `run`, by CommonMark's flanking rules as far as the eye needs them."""
    before = content[run.start() - 1] if run.start() else " "
    after = content[run.end()] if run.end() < len(content) else " "
    marks = run.group()
    is_inside_word = marks[0] == "_" and before.isalnum() and after.isalnum()
    if is_inside_word:
        return
    if marks in open_runs and not before.isspace():
        del open_runs[open_runs.index(marks) :]
    elif not after.isspace():
        open_runs.append(marks)


def _code_span_end(content: str, run: str, start: int) -> int | None:
    closing = re.compile(rf"(?<!`){run}(?!`)").search(content, start)
    return closing.end() if closing else None


def _close_code_span(content: str, run: str, start: int) -> str:
    code = content[start:].rstrip("`")  # part of the closing run may be there already
    if not code.strip():
        return content[: start - len(run)]
    return content[:start] + code + run


def _reduce_open_link(content: str) -> str:
    """Leave only the text of a link whose address has not arrived in full."""
    middle = content.rfind("](")
    if middle < 0 or ")" in content[middle:] or "`" in content[middle:]:
        return content
    depth = 0
    for position in range(middle, -1, -1):
        depth += {"]": 1, "[": -1}.get(content[position], 0)
        if depth == 0:
            start = position - content[:position].endswith("!")
            return content[:start] + content[position + 1 : middle]
    return content
