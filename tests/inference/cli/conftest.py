"""A model that recites, in this process."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inference.cli.local_model import add_model_options, close, load
from inference.server.serving import ChatModel
from tests.inference.checkpoints import TinyLlama, write_hf

Start = Callable[[TinyLlama], ChatModel]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Load a tiny model as the commands do."""
    running: list[ChatModel] = []

    def begin(tiny: TinyLlama) -> ChatModel:
        parser = argparse.ArgumentParser()
        add_model_options(parser)
        folder = write_hf(tmp_path / f"model-{len(running)}", tiny)
        options = ["--dtype", "float32", "--threads", "1", "--max-context", "512", "--kv-gib", "0.05"]
        running.append(load(parser.parse_args([str(folder), *options])))
        return running[-1]

    yield begin
    for model in running:
        close(model)
