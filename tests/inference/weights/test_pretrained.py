"""Pretrained models are loaded for completions. Their vocabulary has the chat markers, but they never learned them."""

import json
from pathlib import Path

import gguf
import pytest
import torch

from inference.errors import InvalidRequest
from inference.text.chat import ChatMessage, build_prompt
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import SPECIAL, TinyLlama, make_tiny_llama, write_gguf, write_hf, write_meta

MARKERS = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
QUESTION = [ChatMessage(role="user", content="Hello")]


def pretrained() -> TinyLlama:
    """With the rows of its markers as Meta's pretrained files have them."""
    tiny = make_tiny_llama(is_scaled=False)
    with torch.no_grad():
        tiny.model.model.embed_tokens.weight[[SPECIAL[name] for name in MARKERS]] = 0
    return tiny


def assert_completes_only(checkpoint: Checkpoint) -> None:
    assert checkpoint.chat_format.name == "none"
    assert checkpoint.chat_format.bos_ids == (SPECIAL["<|begin_of_text|>"],), "its texts still begin as they should"
    assert SPECIAL["<|end_of_text|>"] in checkpoint.stop_ids
    with pytest.raises(InvalidRequest, match="knows no chat format") as refusal:
        build_prompt(checkpoint.chat_format, QUESTION)
    assert refusal.value.code == "no_chat_format"


def test_markers_that_were_never_trained_are_no_chat_format(tmp_path: Path) -> None:
    """A Meta folder says nowhere whether it is Instruct; its embedding does. The same holds for the other forms."""
    tiny = pretrained()
    paths = [
        write_meta(tmp_path / "meta", tiny, num_shards=2),
        write_hf(tmp_path / "hf", tiny),
        write_gguf(tmp_path / "tiny.gguf", tiny),
        write_gguf(tmp_path / "q8.gguf", tiny, gguf.GGMLQuantizationType.Q8_0),
    ]
    for path in paths:
        assert_completes_only(open_checkpoint(str(path)))


def test_a_model_that_ends_texts_but_not_turns_is_pretrained(tmp_path: Path) -> None:
    """Where the rows are not zero, what the files declare decides: no turn end and no template is no chat model."""
    folder = write_hf(tmp_path / "hf", make_tiny_llama(is_scaled=False))
    end_of_text = {"eos_token_id": SPECIAL["<|end_of_text|>"]}
    for name in ("config.json", "generation_config.json"):
        file = folder / name
        file.write_text(json.dumps(json.loads(file.read_text()) | end_of_text))
    assert_completes_only(open_checkpoint(str(folder)))
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert open_checkpoint(str(folder)).chat_format.name == "llama3"


def test_trained_markers_are_a_chat_format(tmp_path: Path) -> None:
    """An Instruct model in Meta's form has neither a template nor declared stops."""
    checkpoint = open_checkpoint(str(write_meta(tmp_path / "meta", make_tiny_llama(is_scaled=False))))
    assert checkpoint.chat_format.name == "llama3"
    assert build_prompt(checkpoint.chat_format, QUESTION).ids
