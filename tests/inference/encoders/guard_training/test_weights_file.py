from pathlib import Path

import numpy as np
import torch
from torch import nn

from inference.encoders.guard_training.network import NUM_LAYERS, GuardNetwork
from inference.encoders.guard_training.weights_file import WORDS, load_network, load_start, save_network, save_start

ROWS = np.array([0, 101, 102, 2000])
_ZERO = tuple(f"layers.{number}." for number in range(1, NUM_LAYERS))


def _zero(module: nn.Module) -> None:
    for weight in module.parameters(recurse=False):
        nn.init.zeros_(weight)


def test_a_network_survives_the_way_there_and_back(tmp_path: Path) -> None:
    """There with the words that are read, back as what has changed; the encoder's vectors of all other words stay."""
    torch.manual_seed(0)
    encoder = GuardNetwork()
    # Five layers of zeros, which are quickly packed.
    encoder.layers[1:].apply(_zero)
    save_start(tmp_path / "start.npz", encoder, ROWS)
    start = load_start(tmp_path / "start.npz")
    words, sent = encoder.state_dict()[WORDS], start.state_dict()[WORDS]
    torch.testing.assert_close(sent[ROWS], words[ROWS], atol=0.02, rtol=0.0)
    assert not sent[1999].any()

    trained = {
        name: value if name.startswith(_ZERO) else value + 0.01 * torch.randn_like(value)
        for name, value in start.state_dict().items()
    }
    save_network(tmp_path / "trained.npz", trained, start)
    again = load_network(tmp_path / "trained.npz", tmp_path / "start.npz", encoder).state_dict()
    assert torch.equal(again[WORDS], words)
    assert torch.equal(again["heads.weight"], trained["heads.weight"])
    for name in again.keys() - {WORDS}:
        torch.testing.assert_close(again[name], trained[name], atol=5e-4, rtol=0.0)
