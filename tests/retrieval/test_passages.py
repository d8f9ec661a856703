"""Passages: small enough to embed and quote, and true to the place they come from."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.passages import Passage, estimate_wordpieces, split_passages

HELP_PAGE = """Cria is an assistant.

## Plans

Ask for a plan. It makes one.

### Lists

- Milk
- Bread

## Stories

```
# not a heading
```
"""

documents = st.lists(
    st.sampled_from(
        [
            *(
                "# Top\n",
                "## Sub ##\n",
                "A sentence. ",
                "Another one! ",
                "word ",
                "\n\n",
                "- item\n",
                "```\n",
                "# code\n",
            ),
            *("x" * 50 + " ", "日本語。", "Is it? ", "1. one\n", "…\n", "\u00a0", "\r\n"),
        ]
    )
    | st.text(max_size=30),
    max_size=40,
).map("".join)


def test_a_passage_never_crosses_a_heading_and_carries_its_path() -> None:
    """Two sections answer two questions; and the path says what "it" is."""
    passages = split_passages(HELP_PAGE, title="Help")
    assert [(passage.heading, passage.text) for passage in passages] == [
        ("Help", "Cria is an assistant."),
        ("Help > Plans", "Ask for a plan. It makes one."),
        ("Help > Plans > Lists", "- Milk\n- Bread"),
        ("Help > Stories", "```\n# not a heading\n```"),
    ]


def test_a_long_section_is_cut_between_sentences_with_an_overlap() -> None:
    """A thought that is cut in two is whole in one of the passages."""
    source = " ".join(f"Sentence number {number} has seven words." for number in range(6))
    passages = split_passages(source, max_wordpieces=27, overlap=0.4)
    assert [(passage.char_start, passage.char_end) for passage in passages] == [(0, 104), (70, 174), (140, 209)]
    assert passages[0].text.startswith("Sentence number 0")
    assert passages[1].text.startswith("Sentence number 2")


def test_a_sentence_longer_than_a_passage_is_cut_between_words() -> None:
    """A table or a minified file has no sentences, and must be found all the same."""
    passages = split_passages("word " * 500)
    assert len(passages) > 1
    assert all(estimate_wordpieces(passage.text) <= 200 for passage in passages)
    assert {passage.text.replace("word", "").strip() for passage in passages} == {""}


def test_what_is_embedded_begins_with_the_headings() -> None:
    """The digest follows what is embedded, so that the same words under another heading get a vector of their own."""
    passage = Passage(ord=0, char_start=0, char_end=3, heading="Plans", text="It.")
    assert passage.embedded_text == "Plans\nIt."
    assert passage.text_sha != Passage(ord=0, char_start=0, char_end=3, heading="", text="It.").text_sha


@pytest.mark.parametrize("source", ["", " \n\t\n", "# Only a heading\n"])
def test_a_document_without_text_has_no_passages(source: str) -> None:
    """An empty passage would be near to everything."""
    assert split_passages(source) == []


@pytest.mark.parametrize(("max_wordpieces", "overlap"), [(0, 0.1), (10, 1.0), (10, -0.1)])
def test_sizes_that_make_no_sense_are_refused(max_wordpieces: int, overlap: float) -> None:
    """With a full overlap the next passage would begin where this one does."""
    with pytest.raises(ValueError):
        split_passages("text", max_wordpieces=max_wordpieces, overlap=overlap)


@settings(max_examples=300, deadline=None)
@given(documents, st.integers(1, 30), st.sampled_from([0.0, 0.15, 0.5, 0.9]))
def test_passages_are_true_to_their_source_and_leave_nothing_out(source: str, size: int, overlap: float) -> None:
    """A citation points into the document: it must find there what it quotes."""
    passages = split_passages(source, max_wordpieces=size, overlap=overlap)
    covered: set[int] = set()
    for number, passage in enumerate(passages):
        assert passage.ord == number
        assert passage.text == source[passage.char_start : passage.char_end]
        assert passage.text == passage.text.strip() != ""
        assert estimate_wordpieces(passage.text) <= size
        covered.update(range(passage.char_start, passage.char_end))
    assert all(
        before.char_start < after.char_start and before.char_end < after.char_end
        for before, after in pairwise(passages)
    )
    left_out = "".join("\n" if index in covered else character for index, character in enumerate(source))
    assert all(line.strip() == "" or line.lstrip().startswith("#") for line in left_out.splitlines())


@settings(max_examples=100, deadline=None)
@given(documents)
def test_the_same_document_gives_the_same_passages(source: str) -> None:
    """Indexing may run twice."""
    assert split_passages(source) == split_passages(source)
