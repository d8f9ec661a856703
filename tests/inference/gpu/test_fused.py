"""The small operations as kernels against the same in plain torch."""

import pytest
import torch

from inference.gpu import kernels
from inference.gpu.attention import Pages
from inference.gpu.fused import Fused, PlainFused, TritonFused
from inference.gpu.pages import PagedRows, ragged_rows
from inference.kvcache.storage import KvShape, KvStorage
from inference.model.batch import Batch, Segment

pytestmark = pytest.mark.skipif(bool(kernels.why_not("cpu")), reason=kernels.why_not("cpu") or "never")
HEADS, GROUPS, DIM = 4, 2, 16
SEGMENTS = (Segment(row=0, num_tokens=3, position=30, block_ids=(3, 1)),)


def rows_of_three() -> PagedRows:
    batch = Batch(ids=[0, 0, 0], segments=SEGMENTS, logit_rows=())
    return ragged_rows(batch, pairs_per_row=2)


@pytest.mark.parametrize("has_change", [True, False])
def test_add_norm(has_change: bool) -> None:
    """A width that is no power of two, as 576 is."""
    generator = torch.Generator().manual_seed(0)
    hidden, change = (torch.randn(3, 96, generator=generator) for _ in range(2))
    weight, theirs = torch.rand(96, generator=generator), hidden.clone()
    added = change if has_change else None
    ours = TritonFused().add_norm(hidden, added, weight, eps=1e-5, dtype=torch.float32)
    expected = PlainFused().add_norm(theirs, added, weight, eps=1e-5, dtype=torch.float32)
    torch.testing.assert_close(ours, expected)
    assert torch.equal(hidden, theirs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float8_e4m3fn])
def test_rope_store(dtype: torch.dtype) -> None:
    """Three rows across the end of a block. For float8 numbers that it has: the interpreter rounds others wrongly."""
    generator = torch.Generator().manual_seed(0)
    heads = torch.randn(3, HEADS + 2 * GROUPS, DIM, generator=generator)
    tables = (torch.randn(40, DIM // 2, generator=generator), torch.randn(40, DIM // 2, generator=generator))
    if dtype == torch.float8_e4m3fn:
        heads = heads.to(dtype).float()
        heads[0, HEADS:] = 1e6  # beyond its range
        tables = (torch.ones_like(tables[0]), torch.zeros_like(tables[1]))
    shape = KvShape(num_layers=1, num_kv_heads=GROUPS, head_dim=DIM, dtype=dtype)
    stores = [KvStorage(shape, num_blocks=5) for _ in range(2)]
    both: tuple[Fused, ...] = (TritonFused(), PlainFused())
    results = [
        fused.rope_store(
            heads,
            tables,
            rows_of_three(),
            Pages(keys=kv.keys[0], values=kv.values[0], key_scale=0.5, value_scale=0.25),
            num_heads=HEADS,
        )
        for fused, kv in zip(both, stores, strict=True)
    ]
    torch.testing.assert_close(results[0], results[1])
    for ours, theirs in ((stores[0].keys, stores[1].keys), (stores[0].values, stores[1].values)):
        torch.testing.assert_close(ours.float(), theirs.float(), rtol=1e-5, atol=1e-5)
        assert theirs.float().abs().sum() > 0


def test_gate() -> None:
    both = torch.randn(3, 2 * 1500, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(TritonFused().gate(both), PlainFused().gate(both))
