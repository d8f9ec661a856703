"""The code in an answer: what the renderer shows as a block of code, found by the same parser.

So what is scanned is what a person sees and copies, with unclosed fences, fences in lists and indented code. A block
of Markdown is looked into once, as models put a whole answer into one fence.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from assistant.rendering.dialect import block_parser
from assistant.safety.code_shield.languages import fence_tag

_MARKDOWN = frozenset({"markdown", "md"})

_parser = block_parser()


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """`tag` is the language's name at the fence, as written but in lower case; `first_line` counts from 1."""

    tag: str
    code: str
    first_line: int


def code_blocks(text: str) -> list[CodeBlock]:
    """The blocks of code that have something in them, in order."""
    return [
        inner
        for block in _blocks(text, first_line=1)
        for inner in (_inside(block) if block.tag in _MARKDOWN else (block,))
    ]


def _inside(block: CodeBlock) -> list[CodeBlock]:
    """The fences within a block of Markdown. A fence within those is text of theirs."""
    return list(_blocks(block.code, first_line=block.first_line))


def _blocks(text: str, *, first_line: int) -> Iterator[CodeBlock]:
    for token in _parser.parse(text):
        if token.type in ("fence", "code_block") and token.map and token.content.strip():
            line = first_line + token.map[0] + (token.type == "fence")
            yield CodeBlock(fence_tag(token.info), token.content, line)
