"""Every file that is wrong is refused at start, with its name and the reason."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.errors import CheckpointError
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import make_tiny_llama, write_gguf, write_hf, write_meta

Damage = Callable[[Path], None]


def cut_off(name: str, *, keep: float) -> Damage:
    def damage(path: Path) -> None:
        file = path / name if name else path
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * keep)])

    return damage


def overwrite(name: str, content: bytes) -> Damage:
    def damage(path: Path) -> None:
        (path / name if name else path).write_bytes(content)

    return damage


def edit_json(name: str, **changes: object) -> Damage:
    def damage(path: Path) -> None:
        content = json.loads((path / name).read_text())
        (path / name).write_text(json.dumps({**content, **changes}))

    return damage


def remove(pattern: str) -> Damage:
    def damage(path: Path) -> None:
        for file in path.glob(pattern):
            file.unlink()

    return damage


def edit_tensors(**changes: torch.Tensor | None) -> Damage:
    def damage(path: Path) -> None:
        tensors = load_file(path / "model.safetensors") | {k.replace("__", "."): v for k, v in changes.items()}
        save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, path / "model.safetensors")

    return damage


CASES: list[tuple[str, str, Damage, str]] = [
    ("gguf", "empty", overwrite("", b""), "not a complete GGUF"),
    ("gguf", "not gguf", overwrite("", b"PK\x03\x04" * 100), "does not begin with GGUF"),
    ("gguf", "cut in the header", cut_off("", keep=0.005), "not a complete GGUF"),
    ("gguf", "cut in the tensors", cut_off("", keep=0.8), "ends at byte"),
    ("hf", "no tokenizer", remove("tokenizer.json"), "tokenizer.json"),
    ("hf", "no weights", remove("model.safetensors"), "model.safetensors"),
    ("hf", "cut weights", cut_off("model.safetensors", keep=0.5), "model.safetensors"),
    ("hf", "another architecture", edit_json("config.json", model_type="mistral"), "'mistral'"),
    ("hf", "incomplete configuration", edit_json("config.json", num_hidden_layers=None), "incomplete"),
    ("hf", "wrong size", edit_json("config.json", intermediate_size=200), "shape"),
    (
        "hf",
        "more layers than weights",
        edit_json("config.json", num_hidden_layers=3),
        "layers.2.attention_norm is missing",
    ),
    ("hf", "broken configuration", overwrite("config.json", b"{"), "not a readable JSON"),
    ("hf", "missing tensor", edit_tensors(model__norm__weight=None), "final_norm is missing"),
    ("hf", "unknown tensor", edit_tensors(extra=torch.zeros(2)), "extra"),
    ("hf", "unknown rope", edit_json("config.json", rope_parameters={"rope_type": "yarn"}), "'yarn'"),
    ("meta", "missing shard", remove("consolidated.01.pth"), "shape"),
    ("meta", "no shards", remove("*.pth"), "no consolidated"),
    ("meta", "cut shard", cut_off("consolidated.00.pth", keep=0.5), "consolidated.00.pth"),
    ("meta", "wrong heads", edit_json("params.json", n_kv_heads=4), "shape"),
    ("meta", "broken vocabulary", overwrite("tokenizer.model", b"\x0a\x0e\x0a\x08<unk>"), "tokenizer.model"),
]


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("intact")
    tiny = make_tiny_llama(is_scaled=False)
    return {
        "gguf": write_gguf(root / "tiny.gguf", tiny),
        "hf": write_hf(root / "hf", tiny),
        "meta": write_meta(root / "meta", tiny, num_shards=2),
    }


@pytest.mark.parametrize(
    ("kind", "damage", "reason"), [c[:1] + c[2:] for c in CASES], ids=[f"{c[0]}-{c[1]}" for c in CASES]
)
def test_a_damaged_checkpoint_is_refused_with_the_reason(
    intact: dict[str, Path], tmp_path: Path, kind: str, damage: Damage, reason: str
) -> None:
    """Half a model that answers nonsense is worse than none."""
    path = tmp_path / intact[kind].name
    (shutil.copyfile if intact[kind].is_file() else shutil.copytree)(intact[kind], path)
    damage(path)
    with pytest.raises(CheckpointError) as refusal:
        open_checkpoint(str(path))
    assert reason in str(refusal.value)
    assert path.name in str(refusal.value)


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    """It is not mistaken for a hub id."""
    with pytest.raises(CheckpointError, match="no such file or folder"):
        open_checkpoint(str(tmp_path / "absent.gguf"))


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"neither params.json .* nor config.json"):
        open_checkpoint(str(tmp_path))


def test_a_file_with_another_digest_is_refused(intact: dict[str, Path]) -> None:
    """A download that was tampered with does not run."""
    with pytest.raises(CheckpointError, match="its sha256 is"):
        open_checkpoint(str(intact["gguf"]), sha256="0" * 64)
