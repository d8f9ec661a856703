"""A rank's part of a model under the engine's settings, which give every rank the same number type and context."""

import torch

from inference.config import EngineConfig
from inference.errors import CheckpointError
from inference.model.linear import ComputeDtype
from inference.model.llama import Threads
from inference.model.precision import choose_dtype, context_limit, decode_threads
from inference.parallel.llama import TensorParallelLlama, load_tensor_parallel, plan_of
from inference.parallel.ranks import Ranks
from inference.weights.checkpoint import Checkpoint


def check_ranks(checkpoint: Checkpoint, config: EngineConfig) -> tuple[ComputeDtype, int]:
    """The number type and the context that each of `config.num_ranks` processes will have.

    A rank keeps only the keys and values of its own heads, so `kv_bytes` of each hold more context than in one process.
    Raises CheckpointError if the model cannot be cut into so many parts, or they cannot be run.
    """
    if config.kernels == "native":
        raise CheckpointError(checkpoint.path, "the native kernels cannot run it: they do not share a model")
    if config.kv_dtype == "fp8":
        raise CheckpointError(checkpoint.path, "keys and values in fp8 need the model in one piece")
    dtype = choose_dtype(checkpoint, config)
    return dtype, context_limit(plan_of(checkpoint, num_ranks=config.num_ranks).local_shape, dtype, config)


def load_rank(checkpoint: Checkpoint, config: EngineConfig, ranks: Ranks) -> tuple[TensorParallelLlama, ComputeDtype]:
    """Read this rank's part into memory. Raises CheckpointError, on every rank alike."""
    dtype, max_context = check_ranks(checkpoint, config)
    torch.set_num_threads(config.num_threads)
    shape = plan_of(checkpoint, num_ranks=ranks.num_ranks, rank=ranks.rank).local_shape
    threads = Threads(for_many=config.num_threads, for_few=decode_threads(shape, config))
    return load_tensor_parallel(checkpoint, ranks, dtype=dtype, max_context=max_context, threads=threads), dtype
