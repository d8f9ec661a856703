"""How a model runs here: number type, threads, and how much context its keys and values leave room for."""

import torch

from inference.config import EngineConfig
from inference.errors import CheckpointError
from inference.kvcache.storage import BLOCK_TOKENS, KvShape
from inference.model.linear import ComputeDtype
from inference.weights.checkpoint import Checkpoint
from inference.weights.shape import ModelShape

SMALL_MODEL = 1_000_000_000


def choose_dtype(checkpoint: Checkpoint, config: EngineConfig) -> ComputeDtype:
    """The configured type, or for "auto" the fastest that is faithful to the file.

    4-bit weights are run as such: on two cores they decode twice as fast as in bfloat16. bfloat16 needs hardware that
    multiplies it; elsewhere float32 is the faster one.
    """
    if config.dtype != "auto":
        return config.dtype
    if config.device != "cpu":
        return "bfloat16"
    if checkpoint.weights.packed("layers.0.gate") is not None:
        return "int4"
    return "bfloat16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"


def kv_type(dtype: ComputeDtype, config: EngineConfig) -> torch.dtype:
    """The number type of keys and values."""
    if config.kv_dtype == "fp8":
        return torch.float8_e4m3fn
    return torch.float32 if dtype == "float32" and config.kv_dtype == "auto" else torch.bfloat16


def decode_threads(shape: ModelShape, config: EngineConfig) -> int:
    """Threads for steps of a few tokens.

    A small model's layers take microseconds, and threads that meet after each of them wait for one another: beside
    other work, two threads decode ten times slower than one. So small models leave half of the cores alone.
    """
    if config.decode_threads:
        return config.decode_threads
    return max(config.num_threads // 2, 1) if shape.num_parameters < SMALL_MODEL else config.num_threads


def context_limit(shape: ModelShape, dtype: ComputeDtype, config: EngineConfig) -> int:
    """Tokens a request may have in all: what the model was trained for, as far as memory for one sequence reaches.

    Raises CheckpointError if the configured context is longer than either.
    """
    kv_shape = KvShape(
        num_layers=shape.num_layers,
        num_kv_heads=shape.num_kv_heads,
        head_dim=shape.head_dim,
        dtype=kv_type(dtype, config),
    )
    affordable = config.kv_bytes // kv_shape.block_bytes * BLOCK_TOKENS
    limit = min(shape.context_length, affordable)
    if limit < 1 or config.max_context > limit:
        reason = (
            f"a context of {config.max_context or 1} tokens was asked for, but the model has {shape.context_length} "
            f"and {config.kv_bytes >> 20} MiB of keys and values hold {affordable}"
        )
        raise CheckpointError("--max-context", reason)
    return config.max_context or limit
