"""The header of a GGUF file: metadata and where each tensor lies.

`gguf.GGUFReader` makes a numpy view for every string of the vocabulary, which takes seconds at every start; this reads
the same header in a fraction of one. The meaning of tensor types, and dequantisation, stay with the `gguf` package.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

A large model may be split into files called name-00001-of-00003.gguf: metadata in the first, tensors in all of them.
"""

import math
import mmap
import re
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
SPLIT_NAME = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
NUM_FILES, FILE_NUMBER, NUM_TENSORS = "split.count", "split.no", "split.tensors.count"


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufTensor:
    """Where a tensor lies. `shape` is [out, in], the other way round than in the file; `offset` counts from byte 0."""

    name: str
    path: Path
    shape: tuple[int, ...]
    type: GGMLQuantizationType
    offset: int
    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    metadata: dict[str, Any]
    tensors: dict[str, GgufTensor]


def read_gguf_header(path: Path) -> GgufHeader:
    """The header of a model, of all its files if it is split and `path` is any one of them.

    Raises CheckpointError if a file is not GGUF, is cut off, is missing, or holds a tensor type nobody knows.
    """
    headers = [(file, _read_one(file)) for file in split_files(path)]
    first, expected = headers[0][1], headers[0][1].metadata.get(NUM_FILES, 1)
    if expected not in (0, len(headers)):
        raise CheckpointError(path, f"it is one of {expected} files; name them *-00001-of-{expected:05}.gguf")
    tensors: dict[str, GgufTensor] = {}
    for number, (file, header) in enumerate(headers):
        if header.metadata.get(FILE_NUMBER, 0) != number:
            raise CheckpointError(file, f"it is not part {number + 1} of this model")
        tensors |= header.tensors
    if len(headers) > 1 and len(tensors) != first.metadata.get(NUM_TENSORS):
        reason = f"its {len(headers)} files have {len(tensors)} tensors, not {first.metadata.get(NUM_TENSORS)}"
        raise CheckpointError(path, reason)
    return GgufHeader(metadata=first.metadata, tensors=tensors)


def split_files(path: Path) -> list[Path]:
    """All files of the model that `path` belongs to, in order."""
    match = SPLIT_NAME.fullmatch(path.name)
    if not match:
        return [path]
    stem, _, count = match.groups()
    return [path.with_name(f"{stem}-{number:05}-of-{count}.gguf") for number in range(1, int(count) + 1)]


def _read_one(path: Path) -> GgufHeader:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _Reader(path, content).header()
    except (OSError, ValueError, TypeError, ArithmeticError, RecursionError, struct.error) as error:
        raise CheckpointError(path, f"not a complete GGUF file ({error})") from error


class _Reader:
    def __init__(self, path: Path, content: mmap.mmap) -> None:
        self._path = path
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
        if not shape or shape[-1] % block_size:
            raise ValueError(f"the tensor {name} of shape {shape} is no whole number of {tensor_type.name} blocks")
        num_bytes = math.prod(shape) // block_size * block_bytes
        start = data_start + offset
        if start + num_bytes > len(self._content):
            raise ValueError(f"the tensor {name} ends at byte {start + num_bytes}, the file at {len(self._content)}")
        return GgufTensor(name=name, path=self._path, shape=shape, type=tensor_type, offset=start, num_bytes=num_bytes)
