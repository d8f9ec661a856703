"""Every file that is wrong is refused at start, with its name and the reason."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import gguf
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


def rewrite_shard(name: str, change: Callable[[dict[str, torch.Tensor]], None]) -> Damage:
    def damage(path: Path) -> None:
        tensors = torch.load(path / name, weights_only=True)
        change(tensors)
        torch.save(tensors, path / name)

    return damage


def of_another_model(tensors: dict[str, torch.Tensor]) -> None:
    tensors["norm.weight"] = tensors["norm.weight"] + 1


def quantised(tensors: dict[str, torch.Tensor]) -> None:
    tensors["output.weight"] = tensors["output.weight"].to(torch.int8)


def without_a_layer(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["layers.1.ffn_norm.weight"]


def set_metadata(key: str, value: object) -> Damage:
    """The same file with one entry of its metadata changed or added."""

    def damage(path: Path) -> None:
        reader = gguf.GGUFReader(path)
        writer = gguf.GGUFWriter(path.with_suffix(".new"), "llama")
        for name, field in reader.fields.items():
            if not name.startswith("GGUF.") and name not in (key, "general.architecture"):
                writer.add_key_value(name, field.contents(), field.types[0], field.types[-1])
        kind = {str: gguf.GGUFValueType.STRING, float: gguf.GGUFValueType.FLOAT32, int: gguf.GGUFValueType.UINT32}
        writer.add_key_value(key, value, kind[type(value)])
        for tensor in reader.tensors:
            writer.add_tensor(tensor.name, tensor.data)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        path.with_suffix(".new").replace(path)

    return damage


def deep_arrays() -> Damage:
    """A header whose value is an array of arrays of arrays ..., which a careless reader follows to the end."""
    nested = struct.pack("<IQ", 9, 1) * 100_000
    entry = struct.pack("<Q", 1) + b"x" + struct.pack("<I", 9) + nested
    return overwrite("", b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + entry)


CASES: list[tuple[str, str, Damage, str]] = [
    ("gguf", "empty", overwrite("", b""), "not a complete GGUF"),
    ("gguf", "not gguf", overwrite("", b"PK\x03\x04" * 100), "does not begin with GGUF"),
    ("gguf", "cut in the header", cut_off("", keep=0.005), "not a complete GGUF"),
    ("gguf", "cut in the tensors", cut_off("", keep=0.8), "ends at byte"),
    ("gguf", "nested without end", deep_arrays(), "not a complete GGUF"),
    ("gguf", "partial rope", set_metadata("llama.rope.dimension_count", 4), "only a part of each head"),
    ("gguf", "another architecture", set_metadata("general.architecture", "qwen2"), "'qwen2'"),
    ("gguf", "unknown pre-tokenizer", set_metadata("tokenizer.ggml.pre", "tekken"), "'tekken' is unknown"),
    ("hf", "quantised", edit_json("config.json", quantization_config={"quant_method": "gptq"}), "quantised weights"),
    ("hf", "biases", edit_json("config.json", attention_bias=True), "biases"),
    ("hf", "another activation", edit_json("config.json", hidden_act="gelu"), "'gelu'"),
    ("hf", "whole numbers", edit_tensors(lm_head__weight=torch.zeros(512, 128, dtype=torch.int8)), "I8"),
    ("hf", "index without files", overwrite("model.safetensors.index.json", b"{}"), "weight_map"),
    (
        "hf",
        "index that leads outside",
        overwrite("model.safetensors.index.json", b'{"weight_map": {"a": "../b"}}'),
        "outside of its folder",
    ),
    (
        "hf",
        "missing file",
        overwrite("model.safetensors.index.json", b'{"weight_map": {"a": "model-00001-of-00002.safetensors"}}'),
        "model-00001-of-00002.safetensors",
    ),
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
    ("meta", "missing last shard", remove("consolidated.01.pth"), "shape"),
    ("meta", "missing first shard", remove("consolidated.00.pth"), "consolidated.00.pth is missing"),
    ("meta", "shards of two models", rewrite_shard("consolidated.01.pth", of_another_model), "norms differ"),
    ("meta", "quantised", rewrite_shard("consolidated.00.pth", quantised), "head is torch.int8"),
    ("meta", "shards that differ", rewrite_shard("consolidated.00.pth", without_a_layer), "not of one model"),
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


def test_a_split_model_without_one_of_its_files_is_refused(tmp_path: Path) -> None:
    """The name of the missing file is said."""
    path = write_gguf(tmp_path / "tiny.gguf", make_tiny_llama(is_scaled=False), tensors_a_file=8)
    missing = path.with_name(path.name.replace("00001-of", "00002-of"))
    content = missing.read_bytes()
    missing.unlink()
    with pytest.raises(CheckpointError, match=missing.name):
        open_checkpoint(str(path))
    missing.write_bytes(path.read_bytes())
    with pytest.raises(CheckpointError, match="not part 2 of this model"):
        open_checkpoint(str(path))
    missing.write_bytes(content)
    assert open_checkpoint(str(missing)).card.name == "tiny", "any of its files will do"
    assert open_checkpoint(str(tmp_path)).card.name == "tiny", "and so will the folder"
    path = path.rename(tmp_path / "renamed.gguf")
    with pytest.raises(CheckpointError, match="it is one of 3 files"):
        open_checkpoint(str(path))


def test_pickled_weights_are_refused_by_name(intact: dict[str, Path], tmp_path: Path) -> None:
    """They can run code when they are read."""
    folder = tmp_path / "hf"
    shutil.copytree(intact["hf"], folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model.bin: .*safetensors"):
        open_checkpoint(str(folder))


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
