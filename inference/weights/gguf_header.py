"""The header of a GGUF file: metadata and where each tensor lies.

`gguf.GGUFReader` makes a numpy view for every string of the vocabulary, which takes seconds at every start; this reads
the same header in a fraction of one. The meaning of tensor types, and dequantisation, stay with the `gguf` package.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from inference.errors import CheckpointError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
STRING, ARRAY = 8, 9
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
MAX_STRING_BYTES = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufTensor:
    """Where a tensor lies. `shape` is [out, in], the other way round than in the file; `offset` counts from byte 0."""

    name: str
    shape: tuple[int, ...]
    type: GGMLQuantizationType
    offset: int
    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    metadata: dict[str, Any]
    tensors: dict[str, GgufTensor]


def read_gguf_header(path: Path) -> GgufHeader:
    """Raises CheckpointError if the file is not GGUF, is cut off, or holds a tensor type nobody knows."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _Reader(content).header()
    except (OSError, ValueError, struct.error, UnicodeDecodeError, OverflowError) as error:
        raise CheckpointError(path, f"not a complete GGUF file ({error})") from error


class _Reader:
    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self._at = 0

    def header(self) -> GgufHeader:
        if self._take(4) != MAGIC:
            raise ValueError("it does not begin with GGUF")
        version = self._scalar("I")
        if version not in VERSIONS:
            raise ValueError(f"version {version} is not supported")
        num_tensors, num_fields = self._scalar("Q"), self._scalar("Q")
        metadata = {self._string(): self._value(self._scalar("I")) for _ in range(num_fields)}
        entries = [self._tensor_entry() for _ in range(num_tensors)]
        alignment = metadata.get("general.alignment", 32)
        data_start = -(-self._at // alignment) * alignment
        return GgufHeader(metadata=metadata, tensors={entry[0]: self._place(data_start, *entry) for entry in entries})

    def _take(self, num_bytes: int) -> bytes:
        end = self._at + num_bytes
        if end > len(self._content):
            raise ValueError(f"the header needs {end} bytes, the file has {len(self._content)}")
        taken = self._content[self._at : end]
        self._at = end
        return taken

    def _scalar(self, code: str) -> Any:
        return struct.unpack("<" + code, self._take(struct.calcsize("<" + code)))[0]

    def _string(self) -> str:
        length = self._scalar("Q")
        if length > MAX_STRING_BYTES:
            raise ValueError(f"a string of {length} bytes")
        return self._take(length).decode("utf-8")

    def _value(self, kind: int) -> Any:
        if kind == STRING:
            return self._string()
        if kind == ARRAY:
            item_kind, length = self._scalar("I"), self._scalar("Q")
            if item_kind in SCALARS:
                code = f"<{length}{SCALARS[item_kind]}"
                return list(struct.unpack(code, self._take(struct.calcsize(code))))
            return [self._value(item_kind) for _ in range(length)]
        if kind not in SCALARS:
            raise ValueError(f"a value of unknown type {kind}")
        return self._scalar(SCALARS[kind])

    def _tensor_entry(self) -> tuple[str, tuple[int, ...], int, int]:
        name = self._string()
        shape = tuple(self._scalar("Q") for _ in range(self._scalar("I")))
        return name, shape[::-1], self._scalar("I"), self._scalar("Q")

    def _place(self, data_start: int, name: str, shape: tuple[int, ...], kind: int, offset: int) -> GgufTensor:
        tensor_type = GGMLQuantizationType(kind)
        block_size, block_bytes = GGML_QUANT_SIZES[tensor_type]
        num_elements = 1
        for size in shape:
            num_elements *= size
        num_bytes = num_elements // block_size * block_bytes
        start = data_start + offset
        if start + num_bytes > len(self._content):
            raise ValueError(f"the tensor {name} ends at byte {start + num_bytes}, the file at {len(self._content)}")
        return GgufTensor(name=name, shape=shape, type=tensor_type, offset=start, num_bytes=num_bytes)
