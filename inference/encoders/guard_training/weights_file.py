"""Networks in small files: rows of weights as int8 with a scale for each."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from inference.encoders.guard_training.network import VOCABULARY, WIDTH, GuardNetwork

WORDS = "embeddings.word_embeddings.weight"
_SCALE, _ROWS = ":scale", "word_rows"
Array = npt.NDArray[np.generic]


def save_start(path: Path, network: GuardNetwork, word_rows: npt.NDArray[np.int64]) -> None:
    """The network to start from, with the vectors of these words only; its outputs are not kept."""
    arrays: dict[str, Array] = {_ROWS: word_rows.astype(np.int32)}
    for name, value in network.state_dict().items():
        if not name.startswith("heads."):
            _put(arrays, name, value[torch.from_numpy(word_rows)] if name == WORDS else value)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # names are not known to numpy's types


def load_start(path: Path) -> GuardNetwork:
    network = GuardNetwork()
    weights = network.state_dict()
    with np.load(path) as file:
        rows = torch.from_numpy(file[_ROWS].astype(np.int64))
        for name in weights:
            if name in file:
                value = _get(file, name)
                weights[name] = torch.zeros(VOCABULARY, WIDTH).index_copy(0, rows, value) if name == WORDS else value
    network.load_state_dict(weights)
    return network


def save_network(path: Path, weights: dict[str, Tensor], start: GuardNetwork) -> None:
    """What changed since the start, all but the word vectors, which do not."""
    arrays: dict[str, Array] = {}
    for name, before in start.state_dict().items():
        if name != WORDS:
            now = weights[name].detach().cpu().float()
            _put(arrays, name, now if name.startswith("heads.") else now - before)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def load_network(path: Path, start_path: Path, words: GuardNetwork) -> GuardNetwork:
    """The network of `path`, with the word vectors of `words`, which are those of all words."""
    network = load_start(start_path)
    weights = network.state_dict()
    with np.load(path) as file:
        for name in weights:
            if name == WORDS:
                weights[name] = words.state_dict()[WORDS]
            else:
                value = _get(file, name)
                weights[name] = value if name.startswith("heads.") else weights[name] + value
    network.load_state_dict(weights)
    return network


def _put(arrays: dict[str, Array], name: str, value: Tensor) -> None:
    array = value.float().numpy()
    if array.ndim == 2 and not name.startswith("heads."):
        scale = np.abs(array).max(axis=1, keepdims=True) / 127 + 1e-12
        arrays[name] = np.rint(array / scale).astype(np.int8)
        arrays[name + _SCALE] = scale.astype(np.float32)
    else:
        arrays[name] = array


def _get(file: dict[str, Array], name: str) -> Tensor:
    value = torch.from_numpy(file[name].astype(np.float32))
    return value * torch.from_numpy(file[name + _SCALE]) if name + _SCALE in file else value
