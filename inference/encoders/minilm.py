"""Sentence vectors from all-MiniLM-L6-v2, run by ONNX Runtime on int8 weights."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Encoding, Tokenizer

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
        for path in (model_path, tokenizer_path):
            if not path.is_file():
                raise FileNotFoundError(path)
        self._tokenizer = _load_tokenizer(tokenizer_path)
        self._session = onnxruntime.InferenceSession(
            str(model_path), sess_options=_session_options(num_threads), providers=["CPUExecutionProvider"]
        )

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors [N, 384] float32 of length 1, in the order of `texts`. What lies beyond 256 tokens is not read.

        Mean pooling over the tokens of the text, Reimers and Gurevych 2019 (arXiv:1908.10084).
        """
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        encodings = self._tokenizer.encode_batch(list(texts))
        for rows in _batches_by_length(encodings):
            vectors[rows] = self._encode_batch([encodings[row] for row in rows])
        return vectors

    def num_tokens(self, texts: Sequence[str]) -> int:
        """How many tokens `encode` reads of `texts`, those that mark beginning and end included."""
        return sum(len(encoding.ids) for encoding in self._tokenizer.encode_batch(list(texts)))

    def _encode_batch(self, encodings: Sequence[Encoding]) -> Vectors:
        """B texts, T tokens of the longest: input_ids and mask [B, T], hidden [B, T, 384] -> [B, 384]."""
        num_tokens = max(len(encoding.ids) for encoding in encodings)
        input_ids = np.zeros((len(encodings), num_tokens), dtype=np.int64)
        mask = np.zeros_like(input_ids)
        for row, encoding in enumerate(encodings):
            input_ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        feeds = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": np.zeros_like(input_ids)}
        (hidden,) = self._session.run(["last_hidden_state"], feeds)
        sums = np.einsum("btd,bt->bd", hidden, mask.astype(np.float32))
        # The mean is not taken: dividing by the number of tokens does not change the direction.
        return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)


def _load_tokenizer(path: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(MAX_TOKENS)
    # The file pads everything to 128 tokens; we pad to the longest of a batch.
    tokenizer.no_padding()
    # "[SEP]" typed by a person is text.
    tokenizer.encode_special_tokens = True
    return tokenizer


def _session_options(num_threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    # Threads that wait in a loop would take the core from the chat model beside us.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _batches_by_length(encodings: Sequence[Encoding]) -> Iterator[list[int]]:
    """Row numbers in batches of similar length, so that little is computed for padding."""
    order = sorted(range(len(encodings)), key=lambda row: len(encodings[row].ids))
    for start in range(0, len(order), MAX_BATCH):
        yield order[start : start + MAX_BATCH]
