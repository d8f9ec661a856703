"""What a quantised model lost: its logits and its perplexity on a bundled text, beside those of its source.

One model is in memory at a time; the source's logits wait in a temporary file.
"""

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference.model.all_logits import logits_by_chunk
from inference.model.batch import DecoderModel
from inference.model.linear import ComputeDtype
from inference.model.llama import load_model
from inference.weights.checkpoint import Checkpoint

TEXT = Path(__file__).parent / "data/lighthouse.txt"
WINDOW_TOKENS = 512
EXACT_UP_TO = 3_000_000_000
"""Larger models are compared in bfloat16: float32 would ask for twice the memory of the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """On `num_tokens` predicted tokens. Logit errors are absolute; `kl_nats` is KL(source || copy) per token."""

    num_tokens: int
    source_perplexity: float
    perplexity: float
    mean_logit_error: float
    max_logit_error: float
    kl_nats: float
    same_best_share: float


def measure(source: Checkpoint, copy: Checkpoint, *, text: str = "", window: int = WINDOW_TOKENS) -> Quality:
    """Compare two checkpoints with one tokenizer on `text`, or on the bundled one.

    The text is cut into windows of `window` tokens, and in each the model starts anew. Weights are dequantised, so what
    is measured is the storage and not a kernel's rounding.
    """
    windows = _windows(source, text or TEXT.read_text(encoding="utf-8"), window)
    num_rows, num_columns = sum(map(len, windows)), source.shape.vocab_size
    dtype: ComputeDtype = "float32" if source.shape.num_parameters < EXACT_UP_TO else "bfloat16"
    with tempfile.TemporaryFile() as file:
        kept = np.memmap(file, np.float32, mode="w+", shape=(num_rows, num_columns))
        row = 0
        for _, logits in _logits(load_model(source, dtype=dtype, max_context=window), windows):
            kept[row : row + len(logits)] = logits.numpy()
            row += len(logits)
        sums, row = _Sums(), 0
        for following, logits in _logits(load_model(copy, dtype=dtype, max_context=window), windows):
            sums.add(torch.from_numpy(kept[row : row + len(logits)]), logits, following)
            row += len(logits)
    return sums.quality()


def _windows(checkpoint: Checkpoint, text: str, window: int) -> list[list[int]]:
    token_ids = checkpoint.tokenizer.encode(text)
    bos_ids = list(checkpoint.chat_format.bos_ids)
    step = window - len(bos_ids)
    return [bos_ids + token_ids[at : at + step] for at in range(0, len(token_ids), step)]


def _logits(model: DecoderModel, windows: Sequence[list[int]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Chunks of logits [t, vocab] with the token ids [t] that follow; -1 after the last token of a window."""
    for token_ids in windows:
        following = torch.tensor([*token_ids[1:], -1])
        start = 0
        for logits in logits_by_chunk(model, token_ids):
            yield following[start : start + len(logits)], logits
            start += len(logits)


class _Sums:
    def __init__(self) -> None:
        self._num_rows = self._num_tokens = self._num_logits = 0
        self._source_nats = self._copy_nats = self._kl = self._error = 0.0
        self._largest, self._num_same = 0.0, 0

    def add(self, source: Tensor, copy: Tensor, following: Tensor) -> None:
        error = (source - copy).abs()
        self._num_rows += len(source)
        self._num_logits += error.numel()
        self._error += float(error.sum(dtype=torch.float64))
        self._largest = max(self._largest, float(error.max()))
        self._num_same += int((source.argmax(1) == copy.argmax(1)).sum())
        source_log, copy_log = source.log_softmax(1), copy.log_softmax(1)
        self._kl += float(functional.kl_div(copy_log, source_log, reduction="sum", log_target=True))
        is_known = following >= 0
        self._num_tokens += int(is_known.sum())
        for name, log in (("_source_nats", source_log), ("_copy_nats", copy_log)):
            nats = functional.nll_loss(log[is_known], following[is_known], reduction="sum") if is_known.any() else 0.0
            setattr(self, name, getattr(self, name) + float(nats))

    def quality(self) -> Quality:
        return Quality(
            num_tokens=self._num_tokens,
            source_perplexity=math.exp(self._source_nats / self._num_tokens),
            perplexity=math.exp(self._copy_nats / self._num_tokens),
            mean_logit_error=self._error / self._num_logits,
            max_logit_error=self._largest,
            kl_nats=self._kl / self._num_rows,
            same_best_share=self._num_same / self._num_rows,
        )
