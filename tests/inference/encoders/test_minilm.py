from pathlib import Path

import numpy as np
import pytest

from inference.encoders.minilm import DIMENSIONS, SentenceEncoder


def test_every_text_becomes_one_unit_vector(encoder: SentenceEncoder):
    """A dot product is then a cosine, which is what the index and the guard expect."""
    vectors = encoder.encode(["a short text", "", "a rather longer text about the weather in the mountains " * 20])
    assert vectors.shape == (3, DIMENSIONS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_texts_are_no_vectors(encoder: SentenceEncoder):
    """An empty document is not an error of the encoder."""
    assert encoder.encode([]).shape == (0, DIMENSIONS)


def test_a_vector_does_not_depend_on_its_batch(encoder: SentenceEncoder):
    """The same message must get the same score alone and among others; the order is that of the question."""
    texts = [f"{'word ' * length}and the number {length}" for length in (40, 1, 17, 3, 90, 8, 2, 60, 5, 33)]
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    # Sums in another order differ in the last bits of a float32.
    np.testing.assert_allclose(encoder.encode(texts), alone, atol=1e-5)


def test_texts_of_one_meaning_are_near(encoder: SentenceEncoder):
    """The one property everything else is built on."""
    question, paraphrase, other = encoder.encode(
        ["How do I bake bread?", "What is a good way of making a loaf at home?", "The court dismissed the appeal."]
    )
    assert question @ paraphrase > 0.6
    assert question @ other < 0.2


def test_what_lies_beyond_256_tokens_is_not_read(encoder: SentenceEncoder):
    """The model was trained on shorter texts, and time would grow with what a person pastes."""
    head = "tree " * 254
    np.testing.assert_allclose(encoder.encode([head]), encoder.encode([head + "and something else"]), atol=1e-6)


def test_special_tokens_typed_by_a_person_stay_text(encoder: SentenceEncoder):
    """A typed "[SEP]" must not end the text for the guard."""
    typed, spelled = encoder.encode(["one [SEP] two", "one [sep] two"])
    assert typed @ spelled == pytest.approx(1.0, abs=1e-5)


def test_a_missing_file_is_named(tmp_path: Path):
    """The start of a server should say which file to fetch."""
    with pytest.raises(FileNotFoundError, match=r"nothing\.onnx"):
        SentenceEncoder(tmp_path / "nothing.onnx", tmp_path / "tokenizer.json", num_threads=1)
