"""The block splitter: what is closed stays closed, and the pieces it came in do not matter."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.rendering.blocks import BlockSplitter
from assistant.rendering.dialect import markdown_parser

LINES = [
    "text",
    "more *text*",
    "",
    "  ",
    "# heading",
    "===",
    "---",
    "- item",
    "+ item",
    "* item",
    "  - nested",
    "    indented",
    "\tindented",
    "1. one",
    "2) two",
    "7. seven",
    "> quote",
    "> ```",
    "lazy",
    "```python",
    "```",
    "````",
    "~~~",
    "  ```",
    "| a | b |",
    "|---|:-:|",
    "a | b",
    "--|--",
    "[a]: http://example.com",
    "[a]",
    "<div>",
    "<!--",
    "***",
    "+x",
    "-",
    "1.",
    "\\",
    "\x00",
    " ",
]

markdown_texts = st.one_of(
    st.lists(st.sampled_from(LINES), max_size=12).map("\n".join),
    st.lists(st.sampled_from(LINES), max_size=12).map("\r\n".join),
    st.text(alphabet="ab -+*_#>`~|:=1.)\\[]()<!\n\n\n\r\t", max_size=60),
    st.text(max_size=40),
)


def blocks_of(text: str) -> list[str]:
    splitter = BlockSplitter()
    return [*splitter.feed(text), *splitter.finish()]


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    text = draw(markdown_texts)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=20)))
    return text, [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]


@settings(max_examples=600, deadline=None)
@given(cut_texts())
def test_the_pieces_a_text_arrives_in_do_not_change_its_blocks(cut: tuple[str, list[str]]) -> None:
    """A reply that is resumed from its stored beginning must show the blocks that were shown before."""
    text, pieces = cut
    splitter = BlockSplitter()
    closed: list[str] = []
    for piece in pieces:
        closed += splitter.feed(piece)
        assert text.startswith("".join(closed) + splitter.tail)
    assert closed + splitter.finish() == blocks_of(text)


@settings(max_examples=300, deadline=None)
@given(markdown_texts, markdown_texts)
def test_a_closed_block_never_changes_whatever_follows(beginning: str, rest: str) -> None:
    """What a person has seen as finished is never taken back."""
    closed = BlockSplitter().feed(beginning)
    assert blocks_of(beginning + rest)[: len(closed)] == closed


@settings(max_examples=600, deadline=None)
@given(markdown_texts)
def test_blocks_rendered_alone_are_the_document_rendered_whole(text: str) -> None:
    """Block by block is a way to send the document, not another document."""
    parser = markdown_parser()
    assert "".join(parser.render(source) for source in blocks_of(text)) == parser.render(text)


@settings(max_examples=300, deadline=None)
@given(markdown_texts)
def test_the_sources_of_the_blocks_are_the_text(text: str) -> None:
    """Nothing is lost between blocks; only a text of blank lines has no block."""
    blocks = blocks_of(text)
    assert "".join(blocks) == text or (not blocks and not markdown_parser().parse(text))


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("Title\n===\nText", ["Title\n===\n", "Text"]),
        ("- a\n\n- b\n\ntext", ["- a\n\n- b\n\n", "text"]),
        ("````\n```\n\n# no\n````\n# yes", ["````\n```\n\n# no\n````\n", "# yes"]),
        ("> quote\nlazy\n\nnext", ["> quote\nlazy\n\n", "next"]),
        ("* a\n+x\n+ b", ["* a\n+x\n", "+ b"]),
        ("intro\na | b\n--|--\n1 | 2", ["intro\n", "a | b\n--|--\n1 | 2"]),
    ],
)
def test_a_block_ends_where_commonmark_ends_it(text: str, blocks: list[str]) -> None:
    """Lists, lazy lines, nested fences and tables are where guessing by blank lines goes wrong."""
    assert blocks_of(text) == blocks


def test_an_incomplete_line_closes_nothing() -> None:
    """`+x` continues the list above it, while `+ x` would begin another: after the plus, nobody knows."""
    splitter = BlockSplitter()
    assert splitter.feed("* a\n+") == []
    assert splitter.feed("x\n") == []
    assert splitter.feed("+ b\n") == ["* a\n+x\n"]


def test_a_code_block_closes_soon_after_its_end() -> None:
    """The highlighted version should not wait for the end of the reply."""
    code = "```python\n" + "print('hello')\n" * 100 + "```\n"
    splitter = BlockSplitter()
    for character in code + "\n":
        assert splitter.feed(character) == []
    assert splitter.feed("A paragraph as long as paragraphs are, " * 3 + "\n") == [code + "\n"]


@pytest.mark.parametrize("line", ["- an item\n", "> a quote\n", "| a | b |\n", "words, words\n", "```\n", "x\n\n"])
def test_the_work_grows_linearly_with_the_text(line: str) -> None:
    """One block that never ends must not be parsed from its beginning for every line."""
    text = line * 2000
    splitter = BlockSplitter()
    for start in range(0, len(text), 5):
        splitter.feed(text[start : start + 5])
    splitter.finish()
    assert splitter.num_parsed_chars <= 20 * len(text)
