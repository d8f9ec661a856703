"""The bundled model's tokenizer against `tokenizers`, and what every tokenizer promises."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as ReferenceTokenizer
from tokenizers import decoders, models, pre_tokenizers

from inference.text.tokenizer import MAX_RUN, Tokenizer
from inference.text.vocabulary import tokenizer_from_json
from inference.weights.checkpoint import Checkpoint
from inference.weights.gguf_header import read_gguf_header

NUM_FUZZED = 4000
PARTS = [
    *("the", " The", "hello", "Straße", " naïve", "don't", "'s", "'LL", "I'm", "…", "—", "\u00a0", "\u200b", "\u2028"),
    *(
        "0",
        "7",
        "42",
        " 3",
        "  9",
        "\n5",
        "\t1",
        "½",
        "٣",
        "²",
        " ",
        "  ",
        "   ",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        " \n ",
        "\x0b",
    ),
    *("日本語", "中文", " 한국어", "עברית", "🦙", "👩‍👩‍👧", " 🇨🇭", "é", "e\u0301", "\x00", "\x1b", "\U0010ffff"),
    *("<|im_end|>", "<|im_start|>", "<|", "|>", "http://a.b/c?d=1", "x_y", "()", "){", "!!!", " ...", "\\n", '"'),
]
WITHOUT_TOKEN = ("\x04", "\x06", "\x13", "\x14", "\x16", "\x1d")


@pytest.fixture(scope="module")
def tokenizer(smollm2: Checkpoint) -> Tokenizer:
    return smollm2.tokenizer


@pytest.fixture(scope="module")
def reference(smollm2_path: Path) -> ReferenceTokenizer:
    """The same vocabulary in Hugging Face's own implementation, with SmolLM2's pre-tokenizer."""
    metadata = read_gguf_header(smollm2_path).metadata
    vocabulary = {token: i for i, token in enumerate(metadata["tokenizer.ggml.tokens"])}
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    built = ReferenceTokenizer(models.BPE(vocab=vocabulary, merges=merges))
    digits, level = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.pre_tokenizer = pre_tokenizers.Sequence([digits, level])
    built.decoder = decoders.ByteLevel()
    return built


def test_ids_equal_those_of_the_reference(tokenizer: Tokenizer, reference: ReferenceTokenizer) -> None:
    """Digits after spaces and runs of whitespace are where the two would differ."""
    rng = random.Random(5)
    texts = ["".join(rng.choices(PARTS, k=rng.randrange(1, 12))) for _ in range(NUM_FUZZED)]
    assert [text for text in texts if tokenizer.encode(text) != reference.encode(text).ids] == []


def test_bytes_without_a_token_are_dropped(tokenizer: Tokenizer, reference: ReferenceTokenizer) -> None:
    """The vocabulary lacks 21 bytes; tiktoken would panic. (The reference joins what stood around them, we do not.)"""
    for char in WITHOUT_TOKEN:
        assert tokenizer.encode(f"a{char}b") == reference.encode("a").ids + reference.encode("b").ids
        assert tokenizer.decode(tokenizer.encode(f"({char})")) == reference.decode(reference.encode(f"({char})").ids)


def test_a_tokenizer_json_gives_the_same_ids_as_the_gguf(
    tokenizer: Tokenizer, reference: ReferenceTokenizer, tmp_path: Path
) -> None:
    """One vocabulary, two files."""
    reference.save(str(tmp_path / "tokenizer.json"))
    from_json = tokenizer_from_json(tmp_path / "tokenizer.json")
    rng = random.Random(6)
    for _ in range(200):
        text = "".join(rng.choices(PARTS, k=8))
        assert from_json.encode(text) == tokenizer.encode(text)


def test_special_tokens_in_text_stay_text(tokenizer: Tokenizer) -> None:
    """A person who types the end-of-turn marker has not ended the turn."""
    for name in tokenizer.special:
        ids = tokenizer.encode(f"before {name} after")
        assert not set(ids) & set(tokenizer.special.values())
        assert tokenizer.decode(ids) == f"before {name} after"


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_text_comes_back_unless_it_has_bytes_without_a_token(smollm2: Checkpoint, text: str) -> None:
    """21 byte values have no token in SmolLM2's vocabulary; characters that need one are lost, not crashed on."""
    has_every_byte = all(len(smollm2.tokenizer.encode(char)) > 0 for char in text) and "\ufffd" not in text
    decoded = smollm2.tokenizer.decode(smollm2.tokenizer.encode(text))
    assert decoded == text or not has_every_byte or any(ord(char) >= 0x40000 for char in text)


def test_lone_surrogates_are_replaced_not_raised(tokenizer: Tokenizer) -> None:
    """JSON can carry half a surrogate pair."""
    assert "\ufffd" in tokenizer.decode(tokenizer.encode("a\ud800b"))


@pytest.mark.parametrize("text", ["a" * (3 * MAX_RUN), " " * (3 * MAX_RUN), "ab " * MAX_RUN, "\n" * 1000 + "x"])
def test_absurdly_long_runs_are_tokenised_in_time(tokenizer: Tokenizer, text: str) -> None:
    """A regular expression that backtracks over a megabyte would stall everybody."""
    assert tokenizer.decode(tokenizer.encode(text)) == text
