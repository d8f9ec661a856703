"""Whether a library just compiled computes what it should, on every instruction set of this machine.

    python -m inference.kernels.self_test FILE

Run in a process of its own, which wrong machine code may end. `tests/inference/kernels` tests far more.
"""

import sys
from pathlib import Path

import torch

from inference.kernels.library import NativeLibrary
from inference.weights.checkpoint import BlockMatrix

ROWS, COLUMNS, BLOCK_BYTES = 40, 64, 20


def check(library: NativeLibrary) -> None:
    """Multiply a Q4_1 matrix by inputs that 8 bits hold exactly: the result is exact but for float32's rounding."""
    generator = torch.Generator().manual_seed(0)
    content = torch.randint(0, 256, (ROWS, COLUMNS // 32 * BLOCK_BYTES), generator=generator, dtype=torch.uint8)
    blocks = content.view(ROWS, -1, BLOCK_BYTES)
    blocks[:, :, 1] = blocks[:, :, 1] % 8 + 44  # halves between 1/16 and 2
    blocks[:, :, 3] = blocks[:, :, 3] % 8 + 172  # and the same, negative
    scales, offsets = (blocks[:, :, at : at + 2].contiguous().view(torch.float16).float() for at in (0, 2))
    values = torch.cat((blocks[:, :, 4:] & 15, blocks[:, :, 4:] >> 4), dim=2)
    weight = (values * scales + offsets).view(ROWS, COLUMNS)
    x = torch.randint(-127, 128, (9, COLUMNS), generator=generator).float()
    x.view(9, -1, 32)[:, :, 0] = 127  # so that the scale of every group is 1
    packed = library.pack(BlockMatrix(type="Q4_1", shape=(ROWS, COLUMNS), content=content))
    for isa in library.isas():
        found = library.multiply(x, packed, isa=isa, num_threads=2)
        if not torch.allclose(found, x @ weight.T, rtol=1e-5, atol=1e-2):
            raise SystemExit(f"{isa.name} computes a wrong product")


if __name__ == "__main__":
    check(NativeLibrary(Path(sys.argv[1])))
