"""Attention over pages: the plain one against the CPU engine's, the Triton one against the plain one."""

import pytest
import torch

from inference.gpu import kernels
from inference.gpu.attention import Backend, Pages, attend_plainly, paged_attend, split_tokens_for
from inference.gpu.pages import PagedRows, ragged_rows
from inference.kvcache.storage import BLOCK_TOKENS, KvShape, KvStorage
from inference.model.attention import attend, blocks_of_tile
from inference.model.batch import Batch, Segment

HEADS, GROUPS, DIM, NUM_BLOCKS = 8, 2, 16, 40
needs_triton = pytest.mark.skipif(bool(kernels.why_not("cpu")), reason=kernels.why_not("cpu") or "never")
# A prompt in its second chunk, a decode step in a long context, three rows of a draft across the end of a block.
SEGMENTS = (
    Segment(row=0, num_tokens=40, position=50, block_ids=(7, 3, 11)),
    Segment(row=40, num_tokens=1, position=300, block_ids=(1, 2, 4, 5, 6, 8, 9, 10, 12, 13)),
    Segment(row=41, num_tokens=3, position=62, block_ids=(20, 21, 22)),
)
FEW = (
    Segment(row=0, num_tokens=1, position=0, block_ids=(7,)),
    Segment(row=1, num_tokens=1, position=700, block_ids=range(8, 30)),
    Segment(row=2, num_tokens=3, position=254, block_ids=range(30, 39)),
)


def example(segments: tuple[Segment, ...], dtype: torch.dtype) -> tuple[torch.Tensor, KvStorage, PagedRows]:
    generator = torch.Generator().manual_seed(1)
    shape = KvShape(num_layers=1, num_kv_heads=GROUPS, head_dim=DIM, dtype=dtype)
    kv = KvStorage(shape, num_blocks=NUM_BLOCKS)
    kv.keys[:, 1:] = torch.randn(kv.keys[:, 1:].shape, generator=generator).to(dtype)
    kv.values[:, 1:] = torch.randn(kv.values[:, 1:].shape, generator=generator).to(dtype)
    num_rows = sum(segment.num_tokens for segment in segments)
    queries = torch.randn((num_rows, HEADS, DIM), generator=generator).to(dtype)
    batch = Batch(ids=[0] * num_rows, segments=segments, logit_rows=())
    return queries, kv, ragged_rows(batch, pairs_per_row=HEADS // GROUPS)


def pages_of(kv: KvStorage) -> Pages:
    return Pages(keys=kv.keys[0], values=kv.values[0])


def test_the_plain_one_is_the_attention_of_the_cpu_engine() -> None:
    """Sums in another order: float32 differs in the last digits."""
    queries, kv, rows = example(SEGMENTS, torch.float32)
    mixed = attend_plainly(queries, pages_of(kv), rows)
    for segment in SEGMENTS:
        keys, values = kv.read(0, torch.tensor(blocks_of_tile(segment.block_ids, segment.position)))
        ours = slice(segment.row, segment.row + segment.num_tokens)
        expected = attend(queries[ours], keys, values, first_position=segment.position)
        torch.testing.assert_close(mixed[ours], expected, rtol=1e-5, atol=1e-5)


def test_scales_stand_for_the_values_they_were_divided_out_of() -> None:
    queries, kv, rows = example(SEGMENTS, torch.float32)
    scaled = Pages(keys=kv.keys[0] / 4, values=kv.values[0] / 2, key_scale=4, value_scale=2)
    torch.testing.assert_close(attend_plainly(queries, scaled, rows), attend_plainly(queries, pages_of(kv), rows))


def test_keys_after_a_row_do_not_matter() -> None:
    """Blocks hold what others left in them."""
    queries, kv, rows = example(FEW, torch.float32)
    before = attend_plainly(queries, pages_of(kv), rows)
    kv.values[0, 7, :, 1:] = 1e6
    kv.keys[0, 29, :, 700 % BLOCK_TOKENS + 1 :] = 1e6
    assert torch.equal(attend_plainly(queries, pages_of(kv), rows), before)


@needs_triton
@pytest.mark.parametrize("segments", [SEGMENTS, FEW], ids=["prefill", "decode"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_kernel_gives_what_the_plain_one_gives(segments: tuple[Segment, ...], dtype: torch.dtype) -> None:
    """Decode splits 700 keys into three; float16 rounds the weights to 11 bits."""
    queries, kv, rows = example(segments, dtype)
    backend: Backend = "triton"
    mixed = paged_attend(queries, pages_of(kv), rows, backend=backend, split_tokens=256)
    bound = 1e-4 if dtype == torch.float32 else 5e-3
    torch.testing.assert_close(mixed, attend_plainly(queries, pages_of(kv), rows), rtol=bound, atol=bound)


@needs_triton
def test_a_row_of_the_kernel_does_not_depend_on_its_neighbours() -> None:
    """A split is a property of the position, not of the batch."""
    queries, kv, rows = example(FEW, torch.float32)
    together = paged_attend(queries, pages_of(kv), rows, backend="triton", split_tokens=256)
    alone = Segment(row=0, num_tokens=1, position=700, block_ids=FEW[1].block_ids)
    one = ragged_rows(Batch(ids=[0], segments=[alone], logit_rows=()), pairs_per_row=4)
    mixed = paged_attend(queries[1:2], pages_of(kv), one, backend="triton", split_tokens=256)
    assert torch.equal(mixed[0], together[1])


@needs_triton
def test_the_kernel_reads_float8() -> None:
    """Half the bytes of a long context. The values are exact in float8 here, so nothing but sums may differ."""
    queries, kv, rows = example(FEW, torch.float32)
    small = Pages(keys=kv.keys[0].to(torch.float8_e4m3fn), values=kv.values[0].to(torch.float8_e4m3fn), key_scale=0.5)
    mixed = paged_attend(queries, small, rows, backend="triton", split_tokens=256)
    torch.testing.assert_close(mixed, attend_plainly(queries, small, rows), rtol=1e-4, atol=1e-4)


def test_splits_are_bounded_and_whole_blocks() -> None:
    assert split_tokens_for(8192) == 128
    assert split_tokens_for(131072) == 2048
    assert all(split_tokens_for(length) % BLOCK_TOKENS == 0 for length in (1, 300, 40000))
