"""Triton's compiler on every kernel, for a Hopper GPU that need not be there: types, layouts, and shared memory."""

import importlib
from typing import Any

import pytest

from inference.gpu import kernels
from inference.gpu.pages import LEAST_PAIRS, MOST_PAIRS

triton = pytest.importorskip("triton", reason="triton is not installed")
if kernels.is_interpreted():
    pytest.skip("compiling needs kernels that are not interpreted", allow_module_level=True)

SHARED_BYTES = 227 << 10
"""What a program may take of an H100's shared memory."""


def module(name: str) -> Any:
    return importlib.import_module(f"inference.gpu.kernels.{name}")


def compiled(kernel: Any, pointers: dict[str, str], constants: dict[str, Any], **options: int) -> Any:
    """`pointers` are types of those parameters that are one, "i32" or "fp32"; all 16-byte aligned as torch's are."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = kernel.arg_names
    signature = {name: "constexpr" if name in constants else pointers.get(name, "i32") for name in names}
    places = {(names.index(name),): value for name, value in constants.items()}
    aligned = {
        (number,): [["tt.divisibility", 16]]
        for number, name in enumerate(names)
        if signature[name].startswith("*") or name in ("depth", "half", "num_out", "width", "block_stride")
    }
    source = ASTSource(fn=kernel, signature=signature, constexprs=places, attrs=aligned)
    result = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    assert result.metadata.shared <= SHARED_BYTES, result.metadata.shared
    return result


@pytest.mark.parametrize("rows", [LEAST_PAIRS, MOST_PAIRS])
@pytest.mark.parametrize("splits", [1, 8])
@pytest.mark.parametrize("stored", ["*bf16", "*fp8e4nv"])
def test_attention(rows: int, splits: int, stored: str) -> None:
    types = {"mixed": "*bf16", "parts": "*fp32", "sums": "*fp32", "queries": "*bf16", "keys": stored, "values": stored}
    types |= dict.fromkeys(("tables", "starts", "positions", "work"), "*i32")
    types |= {"score_scale": "fp32", "value_scale": "fp32"}
    constants = {"HEADS": 32, "SHARING": 4, "DIM": 128, "BLOCK": 32, "ROWS": rows, "KEYS": 64, "SPLITS": splits}
    compiled(module("attention")._attend, types, constants, num_warps=4, num_stages=2)


def test_join() -> None:
    types = {"mixed": "*bf16", "parts": "*fp32", "sums": "*fp32", "positions": "*i32"}
    compiled(module("attention")._join, types, {"HEADS": 32, "DIM": 128, "SPLITS": 8, "JOINED": 8})


@pytest.mark.parametrize("has_change", [True, False])
def test_add_norm(has_change: bool) -> None:
    types = {"normed": "*bf16", "hidden": "*fp32", "change": "*bf16", "weight": "*fp32", "eps": "fp32"}
    compiled(module("elementwise")._add_norm, types, {"HAS_CHANGE": has_change, "TILE": 8192}, num_warps=8)


@pytest.mark.parametrize(("stored", "limit"), [("*bf16", 0.0), ("*fp8e4nv", 448.0)])
def test_rope_store(stored: str, limit: float) -> None:
    types = {"queries": "*bf16", "keys": stored, "values": stored, "heads": "*bf16", "cosines": "*fp32"}
    types |= {"sines": "*fp32", "positions": "*i32", "slots": "*i32", "key_factor": "fp32", "value_factor": "fp32"}
    constants = {"HEADS": 32, "GROUPS": 8, "HALF": 64, "BLOCK": 32, "LIMIT": limit}
    compiled(module("elementwise")._rope_store, types, constants, num_warps=1)


def test_gate() -> None:
    compiled(module("elementwise")._gate, {"gated": "*bf16", "both": "*bf16"}, {"TILE": 1024})


@pytest.mark.parametrize("rows", [1, 8, 16, 64])
@pytest.mark.parametrize("weights", ["*i8", "*fp8e4nv", "*bf16"])
def test_every_tile_of_rows_fits(rows: int, weights: str) -> None:
    matmul = module("matmul")
    types = {"y": "*bf16", "parts": "*fp32", "arrived": "*i32", "x": "*bf16", "weights": weights, "scales": "*fp32"}
    for tile in matmul.tiles_for(rows):
        constants = {"ROWS": rows, "COLS": tile.cols, "DEPTH": tile.size, "SPLITS": tile.splits}
        constants["SWAPPED"] = tile.is_swapped
        options = {"num_warps": tile.num_warps, "num_stages": tile.num_stages}
        compiled(matmul._multiply_rows.fn, types, constants, **options)


@pytest.mark.parametrize("rows", [8, 16, 64])
@pytest.mark.parametrize("group", [32, 128])
def test_every_tile_of_groups_fits(rows: int, group: int) -> None:
    matmul = module("matmul_groups")
    types = {"y": "*bf16", "x": "*bf16", "parts": "*fp32"} | dict.fromkeys(("arrived", "words", "scaling"), "*i32")
    for tile in matmul.GROUP_TILES:
        constants = {"ROWS": rows, "GROUP": group, "COLS": tile.cols, "PIECES": tile.size, "SPLITS": tile.splits}
        options = {"num_warps": tile.num_warps, "num_stages": tile.num_stages}
        compiled(matmul._multiply_groups.fn, types, constants, **options)


@pytest.mark.parametrize("group", [32, 64, 128])
def test_widening(group: int) -> None:
    types = {"wide": "*bf16", "words": "*i32", "scaling": "*i32"}
    compiled(module("matmul_groups")._widen_groups, types, {"GROUP": group, "COLS": 32})


@pytest.mark.parametrize("width", [4096, 28672])
def test_rounding(width: int) -> None:
    types = {"values": "*fp8e4nv", "scales": "*fp32", "x": "*bf16", "smallest": "fp32"}
    constants = {"LIMIT": 448.0, "TILE": 1 << (width - 1).bit_length()}
    compiled(module("rounding")._round_rows, types, constants, num_warps=16)
