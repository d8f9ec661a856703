"""Tokenizers from the three places a vocabulary comes from: GGUF metadata, Meta's tokenizer.model, tokenizer.json."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.errors import CheckpointError
from inference.text.byte_map import unmap_bytes
from inference.text.tokenizer import Tokenizer

LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# SmolLM2 cuts single digits out first and applies GPT-2's rule to what lies between, so whitespace before a digit is at
# the end of its piece: hence the digit in the look-ahead.
SMOLLM_PATTERN = r"\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+"

GGUF_PATTERNS = {"llama-bpe": LLAMA3_PATTERN, "llama3": LLAMA3_PATTERN, "smollm": SMOLLM_PATTERN, "gpt-2": GPT2_PATTERN}
GGUF_NORMAL, GGUF_UNUSED, GGUF_BYTE = 1, 5, 6

LLAMA3_NUM_SPECIAL = 256
_LLAMA3_NAMED = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>",
    "<|finetune_right_pad_id|>",
    "<|step_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
)


def llama3_special_tokens(first_id: int) -> dict[str, int]:
    """The 256 special tokens of Llama 3.1 by name. Llama 3.0 called three of them reserved; nothing depends on that."""
    num_reserved = LLAMA3_NUM_SPECIAL - len(_LLAMA3_NAMED)
    names = (*_LLAMA3_NAMED, *(f"<|reserved_special_token_{2 + i}|>" for i in range(num_reserved)))
    return {name: first_id + i for i, name in enumerate(names)}


def tokenizer_from_meta(path: Path) -> Tokenizer:
    """Meta's tokenizer.model: one "base64 rank" pair per line, special tokens after the last rank."""
    try:
        pairs = (line.split() for line in path.read_bytes().splitlines() if line.strip())
        ranks = {base64.b64decode(token, validate=True): int(rank) for token, rank in pairs}
    except (OSError, ValueError, binascii.Error) as error:
        raise CheckpointError(path, f"not a tiktoken vocabulary of Llama 3 ({error})") from error
    return _build(path, LLAMA3_PATTERN, ranks, llama3_special_tokens(len(ranks)))


def tokenizer_from_gguf(path: Path, metadata: Mapping[str, Any]) -> Tokenizer:
    """The vocabulary inside a GGUF file: byte-level BPE whose ids are in merge order, as Llama 3 and SmolLM2 have."""
    kind, pre = metadata.get("tokenizer.ggml.model"), metadata.get("tokenizer.ggml.pre", "gpt-2")
    if kind != "gpt2":
        raise CheckpointError(path, f"its tokenizer is {kind!r}; only byte-level BPE ('gpt2') is supported")
    if pre not in GGUF_PATTERNS:
        raise CheckpointError(path, f"its pre-tokenizer {pre!r} is unknown; known are {', '.join(GGUF_PATTERNS)}")
    tokens: Sequence[str] = metadata.get("tokenizer.ggml.tokens", ())
    types: Sequence[int] = metadata.get("tokenizer.ggml.token_type", ()) or [GGUF_NORMAL] * len(tokens)
    ranks: dict[bytes, int] = {}
    special: dict[str, int] = {}
    for token_id, (token, token_type) in enumerate(zip(tokens, types, strict=True)):
        text = unmap_bytes(token) if token_type in (GGUF_NORMAL, GGUF_BYTE) else None
        if text is not None:
            ranks.setdefault(text, token_id)
        elif token_type != GGUF_UNUSED:
            special[token] = token_id
    _require_merge_order(path, {token: i for i, token in enumerate(tokens)}, metadata.get("tokenizer.ggml.merges", ()))
    return _build(path, GGUF_PATTERNS[pre], ranks, special)


def tokenizer_from_json(path: Path) -> Tokenizer:
    """Hugging Face's tokenizer.json, if it is byte-level BPE whose ids are in merge order."""
    try:
        content = json.loads(path.read_bytes())
        model, added = content["model"], content.get("added_tokens", [])
        vocabulary: dict[str, int] = model["vocab"]
        merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
        special = {token["content"]: int(token["id"]) for token in added}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(path, f"not a BPE tokenizer file ({type(error).__name__}: {error})") from error
    _require_merge_order(path, vocabulary, merges)
    ranks = {
        text: token_id
        for token, token_id in vocabulary.items()
        if token not in special and (text := unmap_bytes(token)) is not None
    }
    return _build(path, _json_pattern(path, content.get("pre_tokenizer")), ranks, special)


def _json_pattern(path: Path, pre_tokenizer: Any) -> str:
    steps = pre_tokenizer.get("pretokenizers", [pre_tokenizer]) if isinstance(pre_tokenizer, dict) else []
    match [(step.get("type"), step) for step in steps]:
        case [("Split", split), ("ByteLevel", _)] if "Regex" in split.get("pattern", {}):
            return str(split["pattern"]["Regex"])
        case [("Digits", digits), ("ByteLevel", _)] if digits.get("individual_digits"):
            return SMOLLM_PATTERN
        case [("ByteLevel", level)] if level.get("use_regex", True):
            return GPT2_PATTERN
    raise CheckpointError(path, "its pre-tokenizer is none of those used by Llama 3, SmolLM2 and GPT-2")


def _require_merge_order(path: Path, ids: Mapping[str, int], merges: Sequence[str]) -> None:
    """tiktoken merges in the order of ids. Where the merge list has another order, that would cut text differently."""
    previous = -1
    for merge in merges:
        left, _, right = merge.partition(" ")
        merged = ids.get(left + right, -1)
        if merged < previous:
            raise CheckpointError(path, f"its merges are not in the order of their ids (at {merge!r})")
        previous = merged


def _build(path: Path, pattern: str, ranks: Mapping[bytes, int], special: Mapping[str, int]) -> Tokenizer:
    if not ranks:
        raise CheckpointError(path, "its vocabulary is empty")
    try:
        return Tokenizer(name=path.stem, pattern=pattern, ranks=ranks, special=special)
    except ValueError as error:
        raise CheckpointError(path, str(error)) from error
