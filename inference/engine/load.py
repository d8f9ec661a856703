"""From a checkpoint to a running engine: which code computes the model, and where drafts come from."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from inference.config import EngineConfig
from inference.engine.engine import Engine
from inference.errors import CheckpointError
from inference.gpu.weights import load_cuda_llama
from inference.kernels.native_llama import NativeLlama
from inference.model.batch import DecoderModel
from inference.model.llama import Threads, load_model
from inference.model.precision import choose_dtype, context_limit, decode_threads, kv_type
from inference.parallel.load import load_rank
from inference.parallel.ranks import Ranks
from inference.speculation.draft_model import DraftModelProposer, check_same_vocabulary
from inference.speculation.drafting import Drafting
from inference.speculation.eagle_files import load_eagle
from inference.speculation.ngram import NgramProposer
from inference.speculation.proposer import FirstAnswer
from inference.speculation.suffix import SuffixProposer
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint

logger = logging.getLogger(__name__)

MAX_DRAFTS = 16
CATCH_UP_TOKENS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model in memory. `computed_by` is "native", the number type that torch uses, or "cuda-" and that."""

    model: DecoderModel
    computed_by: str


def load_decoder(checkpoint: Checkpoint, config: EngineConfig, *, ranks: Ranks | None = None) -> LoadedModel:
    """Put the weights into memory, for the fastest code that can compute them here; with `ranks` those of this rank.

    Raises CheckpointError if the model does not fit the settings.
    """
    if ranks:
        part, part_dtype = load_rank(checkpoint, config, ranks)
        return LoadedModel(model=part, computed_by=part_dtype)
    dtype = choose_dtype(checkpoint, config)
    max_context = context_limit(checkpoint.shape, dtype, config)
    if torch.device(config.device).type == "cuda" and config.drafts != "eagle":
        on_gpu = load_cuda_llama(
            checkpoint, dtype=dtype, max_context=max_context, device=config.device, kv_dtype=kv_type(dtype, config)
        )
        return LoadedModel(model=on_gpu, computed_by=f"cuda-{dtype}")
    reason = _why_not_native(checkpoint, config)
    if not reason:
        native = NativeLlama.load(checkpoint, max_context, config.num_threads)
        torch.set_num_threads(1)  # only rows of logits are left to torch, and its threads would meet the kernels'
        return LoadedModel(model=native, computed_by="native")
    if config.kernels == "native":
        raise CheckpointError(checkpoint.path, f"the native kernels cannot run it: {reason}")
    logger.info("torch_kernels", extra={"reason": reason})
    torch.set_num_threads(config.num_threads)
    threads = Threads(for_many=config.num_threads, for_few=decode_threads(checkpoint.shape, config))
    model = load_model(checkpoint, dtype=dtype, max_context=max_context, device=config.device, threads=threads)
    return LoadedModel(model=model, computed_by=dtype)


def load_engine(checkpoint: Checkpoint, config: EngineConfig, loaded: LoadedModel) -> Engine:
    """The engine around a model that is in memory. Raises CheckpointError for a draft model that does not fit it."""
    return Engine(
        loaded.model,
        checkpoint.tokenizer,
        stop_ids=checkpoint.stop_ids,
        config=config,
        drafting=_drafting(checkpoint, config, loaded.model),
    )


def _why_not_native(checkpoint: Checkpoint, config: EngineConfig) -> str:
    if config.drafts == "eagle":
        return "an EAGLE-3 head needs features of three layers, which they do not give"
    if config.kernels == "torch":
        return "torch was asked for"
    if config.device != "cpu":
        return f"they run on the CPU, and not on {config.device}"
    if config.dtype not in ("auto", "int4"):
        return f"they run quantised weights, and {config.dtype} was asked for"
    return NativeLlama.fits(checkpoint)


def _drafting(checkpoint: Checkpoint, config: EngineConfig, model: DecoderModel) -> Drafting | None:
    if config.drafts == "off":
        return None
    if config.drafts == "lookup":
        proposer = FirstAnswer([SuffixProposer(), NgramProposer()])
        return Drafting(proposer, stop_ids=checkpoint.stop_ids, is_free=True, max_drafts=MAX_DRAFTS)
    num_blocks = config.kv_bytes // model.kv_shape.block_bytes + 1
    if config.drafts == "eagle":
        eagle = load_eagle(Path(config.draft_model), model, num_blocks=num_blocks)
        return Drafting(eagle, stop_ids=checkpoint.stop_ids, is_free=False, max_drafts=MAX_DRAFTS)
    draft = open_checkpoint(config.draft_model)
    check_same_vocabulary(checkpoint.tokenizer, draft.tokenizer, draft_path=draft.path)
    draft_model = DraftModelProposer(
        load_decoder(draft, replace(config, num_ranks=1)).model,
        num_blocks=num_blocks,
        num_ids=checkpoint.tokenizer.vocab_size,
        max_catch_up_tokens=CATCH_UP_TOKENS,
    )
    return Drafting(draft_model, stop_ids=checkpoint.stop_ids, is_free=False, max_drafts=MAX_DRAFTS)
