"""The native library as Python sees it: its structures, its functions, and how it is found.

The structures mirror `source/cria.h`; sizes are checked against the library when it is loaded.
"""

import ctypes
import functools
import logging
from ctypes import POINTER, Structure, c_float, c_int, c_int32, c_int64, c_size_t, c_void_p
from enum import IntEnum
from pathlib import Path

import torch

from inference.kernels.build import FOLDER, KernelsUnavailable, build, built_files, find_compiler
from inference.weights.checkpoint import BlockMatrix

logger = logging.getLogger(__name__)

ABI = 1
SOURCES = {"Q4_0": 0, "Q4_1": 1, "Q8_0": 2, "Q4_K": 3, "Q6_K": 4}
"""GGUF's block formats that can be packed, and their numbers in the library."""
COLUMNS_OF_A_BLOCK = {"Q4_0": 32, "Q4_1": 32, "Q8_0": 32, "Q4_K": 256, "Q6_K": 256}
ALIGNMENT = 64
MAX_LEVELS = 2


class Isa(IntEnum):
    """Instruction sets there are kernels for. BEST is what the processor at hand does fastest."""

    BEST = -1
    PORTABLE = 0
    AVX2 = 1
    AVXVNNI = 2
    AVX512 = 3


class MatrixStruct(Structure):
    _fields_ = [("data", c_void_p), ("kind", c_int32), ("rows", c_int32), ("cols", c_int32), ("levels", c_int32)]


class LayerStruct(Structure):
    _fields_ = [
        ("attention_norm", c_void_p),
        ("mlp_norm", c_void_p),
        *((name, MatrixStruct) for name in ("q", "k", "v", "o", "gate", "up", "down")),
    ]


class ShapeStruct(Structure):
    _fields_ = [
        *(
            (name, c_int32)
            for name in (
                "num_layers",
                "hidden",
                "num_heads",
                "num_kv_heads",
                "head_dim",
                "mlp",
                "vocab",
                "max_context",
            )
        ),
        ("eps", c_float),
        ("unused", c_int32),
    ]


class ModelStruct(Structure):
    _fields_ = [
        ("shape", ShapeStruct),
        ("layers", POINTER(LayerStruct)),
        ("embedding", MatrixStruct),
        ("head", MatrixStruct),
        ("final_norm", c_void_p),
        ("cos", c_void_p),
        ("sin", c_void_p),
    ]


class StepStruct(Structure):
    _fields_ = [
        *((name, c_int32) for name in ("num_tokens", "num_segments", "num_logit_rows", "num_block_ids")),
        *((name, c_void_p) for name in ("ids", "segments", "block_ids", "logit_rows", "keys", "values")),
        ("num_blocks", c_int64),
        ("logits", c_void_p),
    ]


class PackedWeight:
    """A matrix in the layout of the kernels (drawn in `source/cria.h`), and the memory it lies in.

    Inputs of its products are rounded to 8 bits, or with `levels=2` to 16, at up to twice the arithmetic.
    """

    def __init__(self, content: torch.Tensor, *, kind: int, shape: tuple[int, int], levels: int) -> None:
        self.content = content
        self.shape = shape
        self.struct = MatrixStruct(data=content.data_ptr(), kind=kind, rows=shape[0], cols=shape[1], levels=levels)


class NativeLibrary:
    """The functions of a loaded library. Raises KernelsUnavailable if the file is not what it should be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            functions = ctypes.CDLL(str(path))
            self._functions = functions
            if functions.cria_abi() != ABI:
                raise KernelsUnavailable(f"{path} has interface {functions.cria_abi()}, not {ABI}")
        except (OSError, AttributeError) as error:
            raise KernelsUnavailable(f"{path} cannot be loaded ({error})") from error
        functions.cria_packed_bytes.restype = c_size_t
        functions.cria_create.restype = c_void_p
        functions.cria_create.argtypes = [POINTER(ModelStruct), c_int]
        functions.cria_destroy.argtypes = [c_void_p]
        functions.cria_forward.argtypes = [c_void_p, POINTER(StepStruct), c_int]
        functions.cria_pack.argtypes = [c_int, c_void_p, c_int, c_int, c_void_p]
        functions.cria_prefer_large_pages.argtypes = [c_void_p, c_size_t]
        functions.cria_multiply.argtypes = [POINTER(MatrixStruct), c_void_p, c_int, c_void_p, c_int, c_int, c_int]
        functions.cria_unpack_row.argtypes = [POINTER(MatrixStruct), c_int, c_void_p, c_int]

    @property
    def best_isa(self) -> Isa:
        """The fastest instruction set of the processor at hand."""
        return Isa(self._functions.cria_best_isa())

    def isas(self) -> list[Isa]:
        """Every instruction set that can be run here."""
        return [isa for isa in Isa if isa is not Isa.BEST and self._functions.cria_has_isa(isa)]

    def packed_bytes(self, kind: str, shape: tuple[int, int]) -> int:
        """Bytes of a packed matrix of this block format."""
        return int(self._functions.cria_packed_bytes(SOURCES[kind], *shape))

    def pack(self, matrix: BlockMatrix, out: torch.Tensor | None = None, *, levels: int = 1) -> PackedWeight:
        """The matrix in the kernels' layout, into `out` (zeroed uint8, aligned to 64 bytes) or new memory."""
        content = zeroed(self.packed_bytes(matrix.type, matrix.shape)) if out is None else out
        source = SOURCES[matrix.type]
        rows = matrix.content.contiguous()
        assert rows.dtype == torch.uint8
        assert len(rows) == matrix.shape[0]
        assert content.data_ptr() % ALIGNMENT == 0
        self._functions.cria_pack(source, rows.data_ptr(), *matrix.shape, content.data_ptr())
        return PackedWeight(content, kind=self._functions.cria_kind_of(source), shape=matrix.shape, levels=levels)

    def prefer_large_pages(self, content: torch.Tensor) -> None:
        """Ask the system for large pages, before the memory is written for the first time."""
        self._functions.cria_prefer_large_pages(content.data_ptr(), content.numel())

    def multiply(
        self, x: torch.Tensor, weight: PackedWeight, *, isa: Isa = Isa.BEST, num_threads: int = 1, repeats: int = 1
    ) -> torch.Tensor:
        """x [T, in] float32 times the transposed matrix [out, in]: [T, out] float32. For tests and benchmarks."""
        assert x.dtype == torch.float32
        assert x.is_contiguous()
        assert x.shape[1] == weight.shape[1]
        y = torch.empty(len(x), weight.shape[0])
        result = self._functions.cria_multiply(
            weight.struct, x.data_ptr(), len(x), y.data_ptr(), isa, num_threads, repeats
        )
        assert result == 0, result
        return y

    def unpack(self, weight: PackedWeight, *, isa: Isa = Isa.BEST) -> torch.Tensor:
        """The matrix [out, in] as float32. For tests."""
        rows = torch.empty(weight.shape)
        for number, row in enumerate(rows):
            assert self._functions.cria_unpack_row(weight.struct, number, row.data_ptr(), isa) == 0
        return rows

    def create(self, model: ModelStruct, isa: Isa) -> int:
        """A handle of the model for `forward`. Raises KernelsUnavailable if the processor lacks the instruction set."""
        handle = self._functions.cria_create(model, isa)
        if not handle:
            raise KernelsUnavailable(f"this processor has no {isa.name}, or there is no memory left")
        return int(handle)

    def destroy(self, handle: int) -> None:
        """End the model's threads."""
        self._functions.cria_destroy(handle)

    def forward(self, handle: int, step: StepStruct, *, num_threads: int) -> None:
        """Run a step; the interpreter is free meanwhile. Raises ValueError or MemoryError."""
        result = self._functions.cria_forward(handle, step, num_threads)
        if result == 2:
            raise MemoryError("no memory for the intermediate values of a step")
        if result:
            raise ValueError("a token id, position, block id or row of the batch is out of range")


def zeroed(num_bytes: int) -> torch.Tensor:
    """Zeroed uint8 aligned to cache lines; pages that are never written cost nothing."""
    content = torch.zeros(num_bytes + ALIGNMENT, dtype=torch.uint8)
    first = -content.data_ptr() % ALIGNMENT
    return content[first : first + num_bytes]


@functools.cache
def load(folder: Path = FOLDER) -> NativeLibrary | None:
    """The library of `folder`, built now if it is missing and there is a compiler; None if it cannot be had."""
    try:
        library = _load(folder)
    except KernelsUnavailable as error:
        logger.warning("native_kernels_unavailable", extra={"reason": str(error)})
        return None
    logger.info("native_kernels_loaded", extra={"isa": library.best_isa.name, "file": library.path.name})
    return library


def _load(folder: Path) -> NativeLibrary:
    files = built_files(folder)
    if not files and find_compiler() is None:
        raise KernelsUnavailable(f"{folder} has no library for these sources, and there is no C++ compiler")
    return NativeLibrary(files[0] if files else build(folder))
