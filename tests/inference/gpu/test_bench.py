"""The benchmark for GPU machines: that it runs, and that it needs nothing but torch and numpy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu.__main__ import MODELS, main, models_named
from benchmarks.gpu.engine_path import engine_times
from benchmarks.gpu.measure import TINY
from benchmarks.gpu.models import random_llama

PROJECT = Path(__file__).resolve().parents[3]
# What pyproject.toml lists for the engine and for tests; on the GPU machine there is none of it.
ABSENT: tuple[str, ...] = (
    "tiktoken",
    "gguf",
    "safetensors",
    "huggingface_hub",
    "transformers",
    "tokenizers",
    "llguidance",
)
ABSENT += ("starlette", "httpx", "prometheus_client", "onnxruntime", "faiss", "django", "pydantic", "structlog")
ABSENT += ("psutil", "triton")
RUN_WITHOUT = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError("not here: " + name, name=name)
sys.meta_path.insert(0, Nothing())
import importlib.util
looked_up = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {absent!r} else looked_up(name, package)
import torch
torch.set_num_threads(1)
from benchmarks.gpu.__main__ import main
sys.exit(main({arguments!r}))
"""


def run_without(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    code = RUN_WITHOUT.format(absent=ABSENT, arguments=arguments)
    return subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)


def test_the_whole_script_runs_with_torch_and_numpy_alone(tmp_path: Path) -> None:
    """On the GPU machine nothing can be installed. What it prints there is another question."""
    out = tmp_path / "gpu.json"
    result = run_without(["--tiny", "--device", "cpu", "--out", str(out)])
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(out.read_text())
    assert all(check["is_right"] for check in report["checks"])
    assert {(row["kind"], row["batch_size"]) for row in report["decode"]} == {
        (kind, size) for kind in ("bf16", "fp8", "int4") for size in (1, 8, 32)
    }
    assert {row["kind"] for row in report["prefill"]} == {"bf16", "fp8", "int4"}
    assert report["speculation"]
    assert report["left_out"] == ["engine: llguidance, tiktoken not installed", "transformers: not installed"]


@pytest.mark.parametrize("batch_size", [1, 8])
def test_decoding_through_the_engine_is_measured_where_it_can_be_imported(batch_size: int) -> None:
    model = random_llama("tiny", "bf16", device="cpu", max_context=256, kv_dtype=None)
    times = engine_times(model, "tiny", "bf16", [batch_size], TINY)
    assert [(time.batch_size, time.sampling) for time in times] == [(batch_size, "greedy"), (batch_size, "top-p")]
    assert all(time.tokens_s == pytest.approx(batch_size / time.step_s) for time in times)


def test_without_a_device_it_says_so_and_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    code = "import sys, torch; torch.cuda.is_available = lambda: False\n"
    code += f"from benchmarks.gpu.__main__ import main; sys.exit(main(['--out', {str(out)!r}]))"
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "no CUDA device" in result.stdout
    assert not out.exists()


def test_some_models_can_be_measured_alone() -> None:
    """What the time did not suffice for is measured another day, without all that was."""
    assert models_named("") == list(MODELS)
    assert models_named("70B fp8, 8B int4") == [("8B", "int4"), ("70B", "fp8")]


def test_a_model_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--device", "cpu", "--models", "8B fp8, 9B int4"])
    assert "no such model: 9B int4" in capsys.readouterr().err
