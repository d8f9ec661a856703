"""Sentence vectors from all-MiniLM-L6-v2, run by ONNX Runtime on int8 weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Encoding

from inference.encoders.tokens import Tokens, batches_by_length, padded

Vectors = npt.NDArray[np.float32]

DIMENSIONS = 384
MAX_TOKENS = 256
MAX_BATCH = 8
MODEL_NAME = "all-MiniLM-L6-v2"


class SentenceEncoder:
    """Turns texts into unit vectors: the nearer two texts are in meaning, the larger the dot product.

    Safe to call from several threads at once; each call uses at most `num_threads` cores.
    """

    def __init__(self, model_path: Path, tokenizer_path: Path, num_threads: int) -> None:
        """Load the ONNX graph and the tokenizer.json. Raises FileNotFoundError naming the file that is not there."""
        if not model_path.is_file():
            raise FileNotFoundError(model_path)
        self._tokens = Tokens(tokenizer_path, MAX_TOKENS)
        self._session = onnxruntime.InferenceSession(
            str(model_path), sess_options=session_options(num_threads), providers=["CPUExecutionProvider"]
        )

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors [N, 384] float32 of length 1, in the order of `texts`. What lies beyond 256 tokens is not read.

        Mean pooling over the tokens of the text, Reimers and Gurevych 2019 (arXiv:1908.10084).
        """
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        encodings = self._encodings(texts)
        for rows in batches_by_length(encodings, MAX_BATCH):
            vectors[rows] = self._encode_batch([encodings[row] for row in rows])
        return vectors

    def num_tokens(self, texts: Sequence[str]) -> int:
        """How many tokens `encode` reads of `texts`, those that mark beginning and end included."""
        return sum(len(encoding.ids) for encoding in self._encodings(texts))

    def _encodings(self, texts: Sequence[str]) -> list[Encoding]:
        return self._tokens.encode([(text, "") for text in texts])

    def _encode_batch(self, encodings: Sequence[Encoding]) -> Vectors:
        """B texts, T tokens of the longest: input_ids and mask [B, T], hidden [B, T, 384] -> [B, 384]."""
        input_ids, mask, types = padded(encodings)
        feeds = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": types}
        (hidden,) = self._session.run(["last_hidden_state"], feeds)
        sums = np.einsum("btd,bt->bd", hidden, mask.astype(np.float32))
        # The mean is not taken: dividing by the number of tokens does not change the direction.
        return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)


def session_options(num_threads: int) -> onnxruntime.SessionOptions:
    """How ONNX Runtime computes beside the chat model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    # Threads that wait in a loop would take the core from the chat model beside us.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
