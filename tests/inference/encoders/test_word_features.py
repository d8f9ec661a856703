import numpy as np
import pytest

from inference.encoders.guard import SHIPPED, read
from inference.encoders.word_features import NUM_ROWS, HashedWords, OffensiveWords, word_rows, word_scale


def test_words_pairs_and_pieces_are_hashed_alike_everywhere():
    """Python's own hash changes with every start; the weights were learned for these rows."""
    assert word_rows("Bake bread") == word_rows("bake  bread!")
    assert len(word_rows("bake bread")) == 2 + 1 + len(["_bak", "bake", "ake_", "_bre", "brea", "read", "ead_"])
    assert word_rows("bake") == [18978, 22628, 26168, 12707]


def test_a_slip_of_the_pen_keeps_most_pieces():
    """That is what the pieces are for."""
    right, slipped = set(word_rows("methamphetamine")), set(word_rows("methamphetamin"))
    assert len(right & slipped) > 0.7 * len(right)


def test_the_words_of_a_long_text_weigh_as_much_as_those_of_a_short_one():
    """Or every long text would be far from the border."""
    words = HashedWords(np.ones((NUM_ROWS, 1), dtype=np.float32), np.zeros(1, dtype=np.float32))
    short, long = words.logits(["bread", "many words about bread " * 1])[:, 0]
    assert short < long < 4 * short
    assert word_scale(0) == word_scale(1) == 4.0


def test_offensive_words_are_those_of_the_package():
    """The logits of alt-profanity-check 1.9.1 for these texts, the mean of its five machines, computed once."""
    texts = ["good bread", "you stupid bitch", "what the hell", ""]
    np.testing.assert_allclose(read(SHIPPED).offensive.logits(texts), LOGITS, atol=0.02)


LOGITS = [-5.378, 23.711, 4.756, -3.278]


@pytest.mark.parametrize("text", ["", "of the", "12 !"])
def test_a_text_without_known_words_has_the_bias_alone(text: str):
    """Nothing to divide by."""
    ones = np.ones(2, dtype=np.float32)
    words = OffensiveWords.from_arrays("bread\nbutter", ones, ones, bias=-3.0)
    assert words.logits([text]) == [-3.0]
    assert words.logits(["bread"])[0] == pytest.approx(-2.0)
