"""CudaLlama on the CPU: the same padding and static buffers as with graphs, against the plain torch Llama."""

import random
from pathlib import Path

import pytest
import torch

from inference.gpu import kernels
from inference.gpu.graphs import StepSizes
from inference.gpu.llama import CudaLlama
from inference.gpu.weights import load_cuda_llama
from inference.kvcache.storage import NULL_BLOCK, KvStorage
from inference.model.batch import Batch, DecoderModel, Segment
from inference.model.linear import ComputeDtype
from inference.model.llama import Llama, load_model
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import VOCAB

CONTEXT, NUM_BLOCKS = 512, 40


@pytest.fixture(scope="module")
def checkpoint(tiny_paths: dict[str, Path]) -> Checkpoint:
    return open_checkpoint(str(tiny_paths["hf"]))


def on_cpu(checkpoint: Checkpoint, dtype: ComputeDtype = "float32", kv_dtype: torch.dtype | None = None) -> CudaLlama:
    return load_cuda_llama(checkpoint, dtype=dtype, max_context=CONTEXT, device="cpu", kv_dtype=kv_dtype)


class Both:
    """The same batches through both models, each with a storage of its own."""

    def __init__(self, ours: CudaLlama, reference: Llama) -> None:
        self.models: tuple[DecoderModel, ...] = (ours, reference)
        self.stores = tuple(KvStorage(model.kv_shape, num_blocks=NUM_BLOCKS) for model in self.models)
        self.rng = random.Random(5)

    def forward(self, *parts: tuple[int, int, tuple[int, ...]], every_row: bool = False) -> list[torch.Tensor]:
        """Parts are (number of rows, position, blocks); logits of the last row of each, or of every row."""
        segments: list[Segment] = []
        rows: list[int] = []
        num_rows = 0
        for num_tokens, position, block_ids in parts:
            segments.append(Segment(row=num_rows, num_tokens=num_tokens, position=position, block_ids=block_ids))
            rows += range(num_rows if every_row else num_rows + num_tokens - 1, num_rows + num_tokens)
            num_rows += num_tokens
        batch = Batch(ids=[self.rng.randrange(VOCAB) for _ in range(num_rows)], segments=segments, logit_rows=rows)
        return [model.forward(batch, kv) for model, kv in zip(self.models, self.stores, strict=True)]


@pytest.fixture
def both(checkpoint: Checkpoint) -> Both:
    return Both(on_cpu(checkpoint), load_model(checkpoint, dtype="float32", max_context=CONTEXT))


A, B, C = (3, 9, 2), (5,), (7, 8, 11, 12)


def test_prompts_decode_steps_and_drafts_give_the_logits_of_the_plain_llama(both: Both) -> None:
    """Sums in another order, in float32. Three sequences in steps for four, with one, three and two rows of four."""
    for parts, every_row in (
        (((70, 0, A), (9, 0, B), (100, 0, C)), False),  # eagerly
        (((1, 70, A), (1, 9, B), (1, 100, C)), False),
        (((1, 71, A), (3, 10, B), (2, 101, C)), True),
        (((1, 72, A),), False),
    ):
        ours, reference = both.forward(*parts, every_row=every_row)
        torch.testing.assert_close(ours, reference, rtol=1e-4, atol=1e-3)


def test_padding_leaves_no_trace_in_anybodys_block(both: Both) -> None:
    """The null block stands for what does not exist and stays zero; rejected drafts' rows are the sequence's own."""
    both.forward((20, 0, A), (20, 0, C))
    before = both.stores[0].keys.clone()
    both.forward((1, 20, A), (3, 20, C), every_row=True)
    changed = (both.stores[0].keys != before).any(dim=-1).any(dim=2)[0]  # blocks, places
    written = {(A[0], 20), (C[0], 20), (C[0], 21), (C[0], 22)}
    scratch = both.stores[0].scratch_block
    assert {(int(block), int(place)) for block, place in changed.nonzero() if block != scratch} == written
    assert not changed[NULL_BLOCK].any()


def test_the_last_position_can_be_computed_in_a_padded_step(both: Both) -> None:
    """Its padding stands behind the longest context."""
    blocks = tuple(range(1, CONTEXT // 32 + 1))
    both.forward((250, 0, blocks))
    ours, reference = both.forward((6, 250, blocks), every_row=True)
    torch.testing.assert_close(ours, reference, rtol=1e-4, atol=1e-3)
    model, kv = both.models[0], both.stores[0]
    last = Segment(row=0, num_tokens=3, position=CONTEXT - 3, block_ids=blocks)
    assert model.forward(Batch(ids=[1, 2, 3], segments=[last], logit_rows=[2]), kv).isfinite().all()


def test_neighbours_do_not_change_a_reply(checkpoint: Checkpoint) -> None:
    """Close, not equal: the number of rows may change how a product is summed."""
    model = on_cpu(checkpoint)
    kv = KvStorage(model.kv_shape, num_blocks=NUM_BLOCKS)
    prompt = Segment(row=0, num_tokens=20, position=0, block_ids=A)
    model.forward(Batch(ids=list(range(20)), segments=[prompt], logit_rows=[19]), kv)
    mine, other = (Segment(row=row, num_tokens=1, position=20 - 20 * row, block_ids=(A, B)[row]) for row in (0, 1))
    alone = model.forward(Batch(ids=[5], segments=[mine], logit_rows=[0]), kv)
    beside = model.forward(Batch(ids=[5, 6], segments=[mine, other], logit_rows=[0, 1]), kv)
    torch.testing.assert_close(alone[0], beside[0], rtol=1e-4, atol=1e-3)


# Random layers with weights as large as 0.2 are chaotic: they blow a rounding error up some six times.
@pytest.mark.parametrize(("dtype", "bound"), [("bfloat16", 0.05), ("int8", 0.1), ("fp8", 0.3)])
def test_small_weights_stay_near_the_exact_logits(checkpoint: Checkpoint, dtype: ComputeDtype, bound: float) -> None:
    pair = Both(on_cpu(checkpoint, dtype), load_model(checkpoint, dtype="float32", max_context=CONTEXT))
    pair.forward((70, 0, A))
    ours, reference = pair.forward((1, 70, A))
    assert (ours - reference).norm() / reference.norm() < bound


@pytest.mark.skipif(kernels.is_interpreted(), reason="Triton's interpreter loses a carry when it rounds to float8")
def test_keys_and_values_in_float8_take_a_quarter_of_float32(checkpoint: Checkpoint) -> None:
    pair = Both(
        on_cpu(checkpoint, kv_dtype=torch.float8_e4m3fn), load_model(checkpoint, dtype="float32", max_context=CONTEXT)
    )
    assert pair.stores[0].shape.block_bytes * 4 == pair.stores[1].shape.block_bytes
    pair.forward((70, 0, A))
    ours, reference = pair.forward((1, 70, A))
    assert (ours - reference).norm() / reference.norm() < 0.3


@pytest.mark.parametrize("name", ["meta-8", "gguf"])
def test_every_format_gives_the_same_matrices(tiny_paths: dict[str, Path], checkpoint: Checkpoint, name: str) -> None:
    """The loaders agree bit for bit, so the logits do."""
    batch = Batch(ids=[1, 2, 3], segments=[Segment(row=0, num_tokens=3, position=0, block_ids=B)], logit_rows=[2])
    results = []
    for source in (checkpoint, open_checkpoint(str(tiny_paths[name]))):
        model = on_cpu(source, "int4")
        results.append(model.forward(batch, KvStorage(model.kv_shape, num_blocks=NUM_BLOCKS)))
    assert torch.equal(*results)


def test_the_bundled_four_bit_model_keeps_its_four_bits(smollm2: Checkpoint, smollm2_model: Llama) -> None:
    """Q4_1 is moved and not rounded again: against the CPU's 4-bit kernels only sums and the head differ."""
    pair = Both(on_cpu(smollm2, "int4"), smollm2_model)
    pair.forward((20, 0, A))
    ours, reference = pair.forward((1, 20, A))
    assert torch.nn.functional.kl_div(ours.log_softmax(1), reference.softmax(1), reduction="sum") < 0.02


def test_a_batch_gets_the_least_step_it_fits_into() -> None:
    sizes = StepSizes(batch_sizes=(1, 2, 4), rows_each=(1, 4))

    def batch(*lengths: int) -> Batch:
        segments = [Segment(row=0, num_tokens=length, position=0, block_ids=(1,)) for length in lengths]
        return Batch(ids=[0] * sum(lengths), segments=segments, logit_rows=())

    assert sizes.fitting(batch(1, 1, 1)) == (4, 1)
    assert sizes.fitting(batch(1, 2)) == (2, 4)
    assert sizes.fitting(batch(5)) is None
    assert sizes.fitting(batch(1, 1, 1, 1, 1)) is None
